"""WebSockets under ASGI: refused with an HTTP answer where the server can, and closed once the machine may not act."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mfa_middleware.challenge import Answer

__all__ = ["run_watched", "send_refusal"]

_POLICY_VIOLATION: Final = 1008  # RFC 6455 7.4.1
_EVERY: Final = 0.5


async def send_refusal(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the handshake as HTTP (the extension websocket.http.response), else close before accepting."""
    await receive()
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})


async def run_watched(app: ASGIApp, scope: Scope, receive: Receive, send: Send, still_acts: Callable[[], bool]) -> None:
    """Run the app on an accepted socket, and close the socket within a second after the machine may not act."""
    socket = _Socket(receive, send)
    watch = asyncio.create_task(socket.watch(still_acts))
    try:
        await app(scope, socket.receive, socket.send)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


class _Socket:
    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._revoked = asyncio.Event()
        self._pending: asyncio.Task[Message] | None = None
        self._closed = False

    async def watch(self, still_acts: Callable[[], bool]) -> None:
        while still_acts():  # noqa: ASYNC110 - the registry is a file, it sets no event
            await asyncio.sleep(_EVERY)
        self._revoked.set()
        if not self._closed:
            await self._send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "machine inactive"})

    async def receive(self) -> Message:
        """The next message, or a disconnect once the machine may not act."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._receive())  # type: ignore[arg-type]
        revoked = asyncio.create_task(self._revoked.wait())
        try:
            await asyncio.wait({self._pending, revoked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            revoked.cancel()
        if self._revoked.is_set():
            self._pending.cancel()
            return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION, "reason": "machine inactive"}
        message, self._pending = self._pending.result(), None
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on. Raises OSError once the socket was closed, as servers do for a gone client."""
        if self._revoked.is_set():
            raise OSError("the socket was closed because its machine may not act")
        self._closed = message["type"] in ("websocket.close", "websocket.http.response.body")
        await self._send(message)
