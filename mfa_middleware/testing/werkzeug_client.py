"""Werkzeug's test client, and so Flask's, signing."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers
from werkzeug.test import Client

from mfa_middleware.testing.calls import Caller
from mfa_middleware.wsgi import request_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["sign"]


def sign(client: Client, caller: Caller) -> Client:
    """Make a client sign what it gives to the app."""
    send = client.run_wsgi_app

    def run_wsgi_app(environ: WSGIEnvironment, buffered: bool = False) -> tuple[Iterable[bytes], str, Headers]:
        if caller.credential is not None:
            name, value = caller.credential
            environ.setdefault(f"HTTP_{name.upper().replace('-', '_')}", value)
        client._add_cookies_to_wsgi(environ)  # noqa: SLF001 - a proof binds a credential in a cookie too
        body, call = environ["wsgi.input"].read(), caller.begin()
        while True:
            environ["wsgi.input"] = io.BytesIO(body)
            environ["HTTP_DPOP"] = call.proof(request_of(environ), body)
            chunks, status, headers = send(environ, buffered=buffered)
            code = int(status.split(" ", 1)[0])
            content = _joined(chunks) if code == 401 else None
            if not call.again(code, headers.items(), content or b""):
                return chunks if content is None else [content], status, headers

    client.run_wsgi_app = run_wsgi_app  # type: ignore[method-assign]
    return client


def _joined(chunks: Any) -> bytes:
    try:
        return b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
