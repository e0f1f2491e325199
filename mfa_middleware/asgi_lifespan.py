"""The start of an ASGI app: a wrong setting fails it, with what to write instead."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from mfa_middleware.errors import ConfigurationError

__all__ = ["begin"]


async def begin(app: ASGIApp, open_service: Callable[[], object], scope: Scope, receive: Receive, send: Send) -> None:
    """Open the service of a middleware, then run the lifespan of its app."""
    try:
        open_service()
    except ConfigurationError as error:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": f"mfa_middleware: {error}"})
        return
    await app(scope, receive, send)
