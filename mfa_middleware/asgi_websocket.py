"""WebSockets under ASGI: refused with an HTTP answer where the server can, and closed once the machine may not act."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from starlette.exceptions import HTTPException, WebSocketException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from mfa_middleware.asgi_exchange import POLICY_VIOLATION, Exchange
from mfa_middleware.asgi_outgoing import wire_headers, with_nonce

__all__ = ["Socket"]

_EVERY: Final = 0.4
"""How often the registry is asked, in seconds: it looks at its file as often, and a second is the promise."""
_CLOSING: Final = 1.0
_REASON: Final = "machine inactive"
_DENIAL: Final = "websocket.http.response"
_REFUSALS: Final = (HTTPException, WebSocketException)
_DISCONNECTS: Final = (OSError, WebSocketDisconnect)


class _State(enum.Enum):
    CONNECTING = enum.auto()
    OPEN = enum.auto()
    ENDED = enum.auto()


class Socket:
    """One handshake, and the socket that it opens."""

    def __init__(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        self._exchange, self._receive, self._send = exchange, receive, send
        self._denies = _DENIAL in (scope.get("extensions") or {})
        self._state = _State.CONNECTING
        self._revoked = False
        self._waiting: set[anyio.CancelScope] = set()

    async def refuse(self) -> bool:
        """Answer a handshake that is refused: as HTTP where the server can, else by closing it unaccepted."""
        answer = self._exchange.refusal()
        if answer is None or self._state is _State.OPEN:
            return False
        if self._state is _State.CONNECTING:
            self._state = _State.ENDED
            if not self._denies:
                await self._send({"type": "websocket.close", "code": POLICY_VIOLATION})
            else:
                await self._send({"type": f"{_DENIAL}.start", "status": answer.status, "headers": wire_headers(answer)})
                await self._send({"type": f"{_DENIAL}.body", "body": answer.body})
        return True

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Run the app on the socket, and close it within a second after its machine may not act."""
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch)
            try:
                await app(scope, self.receive, self.send)
            except Exception as error:
                failure = error
            tasks.cancel_scope.cancel()
        expected = _REFUSALS if await self.refuse() else _DISCONNECTS if self._revoked else ()
        if failure is not None and not isinstance(failure, expected):
            raise failure

    async def receive(self) -> Message:
        """The next message, or a disconnect once the machine may not act."""
        message = await self._unless_revoked(self._receive)
        return message or {"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": _REASON}

    async def send(self, message: Message) -> None:
        """Pass on a message of the app. Raises OSError once the socket was closed, as servers do for a gone client."""
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
        while await self._exchange.still_acts():  # noqa: ASYNC110 - the registry is a file, it sets no event
            await anyio.sleep(_EVERY)
        self._revoked = True
        for scope in self._waiting:
            scope.cancel()
        if self._state is not _State.ENDED:
            # the client may have gone at this very moment, and servers do not agree on how they say so
            with contextlib.suppress(Exception), anyio.move_on_after(_CLOSING, shield=True):
                await self._send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": _REASON})

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
