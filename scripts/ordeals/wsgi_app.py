"""The smallest WSGI app behind the middleware: it answers every accepted request, and tells which worker it is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mfa_middleware.wsgi import MFAMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["app"]


def _answer(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("X-Worker", str(os.getpid())), ("Content-Length", "2")])
    return [b"ok"]


app = MFAMiddleware(_answer)
