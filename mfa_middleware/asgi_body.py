"""The body of an ASGI request, read early where a proof binds it, and still whole for the app."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from starlette.types import Message, Receive

from mfa_middleware.errors import Code, Refusal

__all__ = ["Body", "Disconnected"]


class Disconnected(Exception):  # noqa: N818 - named for what happened
    """The client went away before its body was complete; nobody is left to answer."""


class Body:
    """Reads ahead where it must, and hands the same bytes to the app before it goes on receiving.

    `headers`: those of the request. `exists`: False for a WebSocket, whose messages are no body.
    """

    __slots__ = ("_ahead", "_headers", "_more", "_receive", "_seen", "_taken")

    def __init__(self, receive: Receive, headers: Iterable[tuple[bytes, bytes]] = (), *, exists: bool = True) -> None:
        self._receive, self._headers = receive, headers
        self._ahead: deque[Message] = deque()
        self._more = exists
        self._seen = 0
        self._taken = False

    async def read(self, limit: int) -> bytes:
        """The whole body of at most `limit` bytes.

        Raises Refusal (body_too_large; wrong_digest where the app has begun to read), Disconnected.
        """
        if self._taken:
            raise Refusal(Code.WRONG_DIGEST, "the app had begun to read the body before its digest was demanded")
        if self._declared() > limit:
            raise _too_large(limit)
        content = await self._collect(limit)
        self._ahead = deque([{"type": "http.request", "body": content, "more_body": self._more}])
        if len(content) > limit:
            raise _too_large(limit)
        return content

    async def is_empty(self) -> bool:
        """Whether the body has no bytes, whoever reads them. Waits for the first ones."""
        while self._more and not self._seen:
            self._ahead.append(await self._next())
        return not self._seen

    async def receive(self) -> Message:
        """The next message for the app: first what was read ahead."""
        message = self._ahead.popleft() if self._ahead else await self._next()
        self._taken = self._taken or bool(message.get("body"))
        return message

    async def _collect(self, limit: int) -> bytes:
        chunks = [self._chunk(message) for message in self._ahead]
        while self._more and self._seen <= limit:
            chunks.append(self._chunk(await self._next()))
        return b"".join(chunks)

    async def _next(self) -> Message:
        message = await self._receive()
        self._more = message["type"] == "http.request" and message.get("more_body", False)
        self._seen += len(message.get("body", b""))
        return message

    @staticmethod
    def _chunk(message: Message) -> bytes:
        if message["type"] != "http.request":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        return chunk

    def _declared(self) -> int:
        lengths = [value for name, value in self._headers if name == b"content-length"]
        return int(lengths[0]) if len(lengths) == 1 and lengths[0].isdigit() and len(lengths[0]) < 20 else 0


def _too_large(limit: int) -> Refusal:
    return Refusal(Code.BODY_TOO_LARGE, f"the body has more than {limit} bytes (MFA_BODY_LIMIT)")
