"""The smallest ASGI app behind the middleware: it answers every accepted request, and tells which worker it is."""

from __future__ import annotations

import os

from starlette.types import Receive, Scope, Send

from mfa_middleware.asgi import MFAMiddleware

__all__ = ["app"]


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    headers = [(b"x-worker", b"%d" % os.getpid()), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


app = MFAMiddleware(_answer)
