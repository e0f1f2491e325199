"""The body of a request of requests: its bytes where they are in hand, and whether it can be sent again."""

from __future__ import annotations

from typing import Any

from mfa_middleware.client.collected import Collected

__all__ = ["Rewinder", "collect", "content_of"]


def content_of(body: Any, limit: int) -> bytes | None:
    """The bytes that urllib3 will send, None where they are not in hand: an iterator, or a file longer than `limit`.

    A file is left at the position where it was.
    """
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8")
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    start = _position(body)
    if start is None:
        return None
    content = body.read(limit + 1)
    body.seek(start)
    return content if isinstance(content, bytes) and len(content) <= limit else None


def _position(body: Any) -> int | None:
    try:
        start = body.tell()
        body.seek(start)
    except (AttributeError, OSError):
        return None
    return start if isinstance(start, int) else None


class Rewinder:
    """Remembers where a body begins, before it is sent."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._start = _position(body)

    def rewind(self) -> bool:
        """Whether the body is ready to be sent again from its beginning."""
        if self._start is not None:
            self._body.seek(self._start)
            return True
        return self._body is None or isinstance(self._body, str | bytes | bytearray | memoryview)


def collect(body: Any, limit: int) -> bytes:
    """Read a streamed body. Raises ValueError beyond `limit` bytes."""
    collected = Collected(limit)
    for chunk in [body.read(limit + 1)] if hasattr(body, "read") else body:
        collected.add(chunk.encode("utf-8") if isinstance(chunk, str) else chunk)
    return collected.content()
