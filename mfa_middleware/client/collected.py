"""Bytes read into memory, up to a limit."""

from __future__ import annotations

__all__ = ["Collected"]


class Collected:
    """Chunks of one body."""

    __slots__ = ("_chunks", "_limit", "_room")

    def __init__(self, limit: int) -> None:
        self._chunks: list[bytes] = []
        self._limit = self._room = limit

    def add(self, chunk: bytes) -> None:
        """Take a chunk. Raises ValueError beyond the limit."""
        self._room -= len(chunk)
        if self._room < 0:
            raise ValueError(f"the body is longer than body_limit={self._limit}: raise it, or set bind_body=False")
        self._chunks.append(chunk)

    def content(self) -> bytes:
        """All chunks in one piece."""
        return b"".join(self._chunks)
