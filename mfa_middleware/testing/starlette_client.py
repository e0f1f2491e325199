"""Starlette's and FastAPI's TestClient, signing."""

from __future__ import annotations

from typing import Any, cast

from starlette.testclient import TestClient

from mfa_middleware.http import Request
from mfa_middleware.testing.calls import Caller

__all__ = ["sign"]


def sign(app: Any, caller: Caller) -> TestClient:
    """Make a TestClient sign, or make one for an app, which then calls from this host to where the app is reached."""
    if isinstance(app, TestClient):
        client = app
    else:
        client = TestClient(app, base_url=caller.base_url, client=("127.0.0.1", 50_000))
    if caller.credential is not None:
        client.headers.setdefault(*caller.credential)
    client._transport = cast("Any", _Signing(client._transport, caller))  # noqa: SLF001 - below redirects, as on the wire
    return client


class _Signing:
    """A transport that signs what passes."""

    def __init__(self, inner: Any, caller: Caller) -> None:
        self._inner, self._caller = inner, caller

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __enter__(self) -> Any:
        return self._inner.__enter__()

    def __exit__(self, *exception: Any) -> None:
        self._inner.__exit__(*exception)

    def handle_request(self, request: Any) -> Any:
        """Send a request with a proof, and once more where its answer says why."""
        self._aim(request)
        call, body = self._caller.begin(), request.read()
        while True:
            request.headers["DPoP"] = call.proof(_request(request), body)
            response = self._inner.handle_request(request)
            content = response.read() if response.status_code == 401 else b""
            if not call.again(response.status_code, response.headers.items(), content):
                return response
            response.close()

    def _aim(self, request: Any) -> None:
        """Send a WebSocket to where the app is reached too; TestClient always sends it to `testserver`."""
        if request.url.scheme in ("ws", "wss") and request.url.host == "testserver":
            base = type(request.url)(self._caller.base_url)
            request.url = base.join(request.url.raw_path.decode("ascii")).copy_with(
                scheme=base.scheme.replace("http", "ws")
            )
            request.headers["Host"] = self._caller.host()


def _request(request: Any) -> Request:
    path, _, query = request.url.raw_path.partition(b"?")
    headers = [(name.lower(), value) for name, value in request.headers.raw]
    return Request(request.method, request.url.scheme, path.decode("latin-1"), query, headers, request.url.path)
