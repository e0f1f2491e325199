"""The body of an ASGI request, read early where a proof binds it, and still whole for the app."""

from __future__ import annotations

from collections import deque

from starlette.types import Message, Receive

from mfa_middleware.errors import Code, Refusal

__all__ = ["Body", "Disconnected"]


class Disconnected(Exception):  # noqa: N818 - named for what happened
    """The client went away before its body was complete; nobody is left to answer."""


class Body:
    """Reads messages ahead, and hands them to the app again before it goes on receiving."""

    __slots__ = ("_ahead", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ahead: deque[Message] = deque()

    async def read(self, limit: int) -> bytes:
        """The whole body of at most `limit` bytes. Raises Refusal (body_too_large), Disconnected."""
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] != "http.request":
                raise Disconnected
            self._ahead.append(message)
            size += len(message.get("body", b""))
            if size > limit:
                raise Refusal(Code.BODY_TOO_LARGE, f"the body has more than {limit} bytes (MFA_BODY_LIMIT)")
            more = message.get("more_body", False)
        return b"".join(message.get("body", b"") for message in self._ahead)

    async def receive(self) -> Message:
        """The next message for the app: first what was read ahead."""
        return self._ahead.popleft() if self._ahead else await self._receive()
