"""WebSockets under ASGI: refused with an HTTP answer where the server can, and closed once the machine may not act."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from starlette.exceptions import HTTPException, WebSocketException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from mfa_middleware.asgi_exchange import POLICY_VIOLATION, Exchange
from mfa_middleware.asgi_outgoing import send_answer, with_nonce
from mfa_middleware.challenge import Answer

__all__ = ["Socket", "deny"]

_log: Final = logging.getLogger("mfa_middleware")
_EVERY: Final = 0.4
"""How often the registry is asked, in seconds: it looks at its file as often, and a second is the promise."""
_CLOSING: Final = 1.0
_REASON: Final = "machine inactive"
_CODES: Final = (POLICY_VIOLATION, 3003)  # daphne lets an app choose none below 3000; this one is "Forbidden" (IANA)
_DENIAL: Final = "websocket.http.response"
_REFUSALS: Final = (HTTPException, WebSocketException)
_DISCONNECTS: Final = (OSError, WebSocketDisconnect)


class _State(enum.Enum):
    CONNECTING = enum.auto()
    OPEN = enum.auto()
    ENDED = enum.auto()


async def deny(answer: Answer, scope: Scope, send: Send) -> None:
    """Answer a handshake as HTTP where the server can, else close it unaccepted."""
    if _DENIAL not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return
    await send_answer(answer, send, _DENIAL)
    await asyncio.sleep(0)  # uvicorn logs an error where the app returns before the connection is closed


class Socket:
    """One handshake, and the socket that it opens."""

    def __init__(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        self._exchange, self._scope, self._receive, self._send = exchange, scope, receive, send
        self._state = _State.CONNECTING
        self._revoked = False
        self._told = asyncio.Event()
        self._due = time.monotonic() + _EVERY / 2
        self._waiting: set[anyio.CancelScope] = set()

    async def refuse(self) -> bool:
        """Answer a handshake that is refused: as HTTP where the server can, else by closing it unaccepted."""
        answer = self._exchange.refusal()
        if answer is None or self._state is _State.OPEN:
            return False
        if self._state is _State.CONNECTING:
            self._state = _State.ENDED
            await deny(answer, self._scope, self._send)
        return True

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Run the app on the socket, and close it within a second after its machine may not act."""
        watch = asyncio.create_task(self._watch())
        try:
            await app(scope, self.receive, self.send)
            await self.refuse()
        except Exception as error:
            if not isinstance(error, _REFUSALS if await self.refuse() else _DISCONNECTS if self._revoked else ()):
                raise
        finally:
            if self._revoked:
                await self._told.wait()
            watch.cancel()  # without waiting: what the app raises is not to be overtaken by a cancellation

    async def receive(self) -> Message:
        """The next message, or a disconnect once the machine may not act."""
        message = await self._unless_revoked(self._receive)
        return message or {"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": _REASON}

    async def send(self, message: Message) -> None:
        """Pass on a message of the app. Raises OSError once the socket was closed, as servers do for a gone client."""
        await self._look()  # an app that only sends may never let the watch run
        if await self.refuse() or (self._revoked and message["type"] == "websocket.close"):
            return
        if message["type"] == "websocket.accept":
            headers = with_nonce(list(message.get("headers", ())), self._exchange.decision.nonce)
            message = {**message, "headers": headers}
        if message["type"] != "websocket.send":
            self._state = _State.OPEN if message["type"] == "websocket.accept" else _State.ENDED
        if await self._unless_revoked(lambda: self._pass(message)) is None:
            raise OSError("the socket was closed because its machine may not act")

    async def _pass(self, message: Message) -> Message:
        await self._send(message)
        return message

    async def _watch(self) -> None:
        while not self._revoked:
            await asyncio.sleep(_EVERY)
            await self._look()

    async def _look(self) -> None:
        """Close the socket where its machine may not act any more; asked every now and then."""
        now = time.monotonic()
        if now < self._due or self._revoked:
            return
        self._due = now + _EVERY / 2
        if not await self._still_acts():
            self._revoked = True
            try:
                await self._close()
            finally:
                self._told.set()

    async def _close(self) -> None:
        for waiting in tuple(self._waiting):
            waiting.cancel()
        if self._state is _State.ENDED:
            return
        with anyio.move_on_after(_CLOSING):
            for code in _CODES:
                # the client may have gone at this very moment, and servers do not agree on how they say so
                with contextlib.suppress(Exception):
                    await self._send({"type": "websocket.close", "code": code, "reason": _REASON})
                    return

    async def _still_acts(self) -> bool:
        try:
            return await self._exchange.still_acts()
        except Exception:
            _log.exception("a registry failed; the socket is closed")
            return False

    async def _unless_revoked(self, call: Callable[[], Awaitable[Message]]) -> Message | None:
        """What a call returns; None where the machine may not act by then. It runs in the caller's own task, so
        that an app that cancels it loses no message.
        """
        if self._revoked:
            return None
        with anyio.CancelScope() as waiting:
            self._waiting.add(waiting)
            try:
                return await call()
            finally:
                self._waiting.discard(waiting)
        return None
