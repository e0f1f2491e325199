"""Each face called as a server calls it, without a server: with an app that tells what it got."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from fastapi import FastAPI
from flask import Flask, request

from mfa_middleware import asgi, wsgi
from mfa_middleware import django as django_face
from mfa_middleware.flask import MFA
from mfa_middleware.service import Service
from tests.helpers.rawhttp import Response
from tests.integrations import django_project  # noqa: F401 - it configures Django

__all__ = ["LOCAL", "Sent", "received"]


@dataclass(frozen=True)
class Sent:
    """A request on the wire, one character for each byte. `root`: where the app is mounted; `raw`: whether the server
    tells the path as it stands here. `pieces`: the body.
    """

    method: str
    path: str
    query: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    pieces: tuple[bytes, ...] = (b"",)
    root: str = ""
    raw: bool = True

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def received(body: bytes) -> bytes:
    """What the app says of a body."""
    return hashlib.sha256(body).hexdigest().encode()


def _scope(sent: Sent) -> dict[str, Any]:
    """As uvicorn makes it."""
    target = sent.root + sent.path
    lines = [("host", "127.0.0.1:8000"), ("content-length", str(len(sent.body))), *sent.lines]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": sent.method,
        "scheme": "http",
        "path": unquote(target.encode("latin-1").decode("ascii", "replace")),
        "raw_path": target.encode("latin-1"),
        "query_string": sent.query.encode("latin-1"),
        "root_path": sent.root,
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


def _environ(sent: Sent) -> dict[str, Any]:
    """As gunicorn makes it, or where the raw path is not told, as wsgiref does."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": sent.method,
        "SCRIPT_NAME": sent.root,
        "PATH_INFO": unquote_to_bytes(sent.path.encode("latin-1")).decode("latin-1"),
        "QUERY_STRING": sent.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "CONTENT_LENGTH": str(len(sent.body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(sent.body),
        "wsgi.errors": io.StringIO(),
    }
    if sent.raw:
        environ["RAW_URI"] = f"{sent.root}{sent.path}" + (f"?{sent.query}" if sent.query else "")
    for name, value in sent.lines:
        key = f"HTTP_{name.upper().replace('-', '_')}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _asgi(app: Any, sent: Sent) -> Response:
    messages = [
        {"type": "http.request", "body": piece, "more_body": number < len(sent.pieces)}
        for number, piece in enumerate(sent.pieces, start=1)
    ]
    answered: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    _finish(app(_scope(sent), receive, send))
    lines = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answered[0]["headers"])
    return Response(answered[0]["status"], lines, b"".join(message.get("body", b"") for message in answered[1:]))


def _finish(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def _wsgi(app: Any, sent: Sent) -> Response:
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        assert exc_info is None
        started[:] = [int(status[:3]), tuple((name.lower(), value) for name, value in headers)]

    body = b"".join(app(_environ(sent), start_response))
    return Response(started[0], started[1], body)


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": received(body)})


def _echo_wsgi(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield received(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)))


def _of_asgi(service: Service) -> Any:
    app = asgi.MFAMiddleware(_echo, service=service)
    return lambda sent: _asgi(app, sent)


def _of_fastapi(service: Service) -> Any:
    app = FastAPI()
    app.add_middleware(lambda _: _echo)
    app.add_middleware(asgi.MFAMiddleware, service=service)
    return lambda sent: _asgi(app, sent)


def _of_wsgi(service: Service) -> Any:
    app = wsgi.MFAMiddleware(_echo_wsgi, service=service)
    return lambda sent: _wsgi(app, sent)


def _of_flask(service: Service) -> Any:
    app = Flask("echo")
    MFA(app, service=service)
    app.before_request(lambda: received(request.get_data()))
    return lambda sent: _wsgi(app, sent)


def _of_django(service: Service) -> Any:
    app: Any = django_face.MFAMiddleware(lambda request: HttpResponse(received(request.body)), service=service)
    return lambda sent: _of_response(app(WSGIRequest(_environ(sent))))


def _of_async_django(service: Service) -> Any:
    async def view(request: Any) -> HttpResponse:
        return HttpResponse(received(request.body))

    app: Any = django_face.MFAMiddleware(view, service=service)

    def call(sent: Sent) -> Response:
        try:
            request = ASGIRequest(_scope(sent), io.BytesIO(sent.body))
        except UnicodeDecodeError:  # the query is not UTF-8: Django's handler answers this itself
            return Response(400, (), b"")
        return _of_response(_finish(app(request)))

    return call


def _of_response(response: Any) -> Response:
    return Response(response.status_code, tuple((k.lower(), v) for k, v in response.headers.items()), response.content)


LOCAL: Mapping[str, Callable[[Service], Callable[[Sent], Response]]] = {
    "asgi": _of_asgi,
    "fastapi": _of_fastapi,
    "django-async": _of_async_django,
    "wsgi": _of_wsgi,
    "flask": _of_flask,
    "django": _of_django,
}
"""From a service to a face that is called with what was sent."""
