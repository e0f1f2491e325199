"""Django's test clients, sync and async, signing."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http.request import validate_host
from django.test.client import AsyncClient, FakePayload

from mfa_middleware.asgi_exchange import request_of as request_of_scope
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.testing.calls import Caller
from mfa_middleware.wsgi import request_of

__all__ = ["sign"]

_Response = Any


def sign(client: Any, caller: Caller) -> Any:
    """Make a `Client` or an `AsyncClient` sign what it gives to the project."""
    _check_host(caller)
    if isinstance(client, AsyncClient):
        client.handler = _async_handler(client.handler, caller)
    else:
        client.handler = _handler(client.handler, caller)
    return client


def _check_host(caller: Caller) -> None:
    host = caller.host()
    if not validate_host(host.partition(":")[0], settings.ALLOWED_HOSTS):
        raise ConfigurationError(
            f'the tests would call the host {host}, which is not in ALLOWED_HOSTS: write MFA = {{"ORIGINS": '
            '"http://testserver"} in the settings of the tests'
        )


def _handler(handler: Any, caller: Caller) -> Any:
    def signing(environ: dict[str, Any]) -> _Response:
        call, body = caller.begin(), environ["wsgi.input"].read()
        environ.setdefault("HTTP_HOST", caller.host())
        if caller.credential is not None:
            name, value = caller.credential
            environ.setdefault(f"HTTP_{name.upper().replace('-', '_')}", value)
        while True:
            environ["wsgi.input"] = FakePayload(body)
            environ["HTTP_DPOP"] = call.proof(request_of(environ), body)
            response = handler(environ)
            if not _again(call, response):
                return response

    return signing


def _async_handler(handler: Any, caller: Caller) -> Any:
    async def signing(scope: dict[str, Any]) -> _Response:
        call, body = caller.begin(), scope.pop("_body_file", FakePayload()).read()
        own = _headers(scope, caller)
        while True:
            attempt = {**scope, "headers": own, "query_string": _bytes(scope.get("query_string", b""))}
            proof = call.proof(request_of_scope(attempt), body)
            attempt["headers"] = [*own, (b"dpop", proof.encode("ascii"))]
            if body:
                attempt["_body_file"] = FakePayload(body)
            response = await handler(attempt)
            if not _again(call, response):
                return response

    return signing


def _headers(scope: dict[str, Any], caller: Caller) -> list[tuple[bytes, bytes]]:
    headers = [(name, value) for name, value in scope["headers"] if name != b"host" or value != b"testserver"]
    added = [("host", caller.host()), *([caller.credential] if caller.credential else [])]
    present = {name for name, _ in headers}
    return [*headers, *((name.encode(), value.encode()) for name, value in added if name.encode() not in present)]


def _bytes(query: str | bytes) -> bytes:
    return query.encode() if isinstance(query, str) else query


def _again(call: Any, response: _Response) -> bool:
    content = b"" if response.streaming else response.content
    again: bool = call.again(response.status_code, list(response.headers.items()), content)
    return again
