"""Reading ahead in a blocking body stream, so that whoever comes after still reads it whole."""

from __future__ import annotations

import io
from typing import Any, Final

__all__ = ["Chained", "read_up_to"]

_CHUNK: Final = 65_536


def read_up_to(stream: Any, wanted: int) -> bytes:
    """`wanted` bytes of a stream, or all there are where it ends before."""
    chunks, missing = [], wanted
    while missing > 0 and (chunk := stream.read(min(missing, _CHUNK))):
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


class Chained(io.RawIOBase):
    """What was read ahead, then the rest of the stream; for an app that goes on although the body is too large."""

    def __init__(self, ahead: bytes, rest: Any) -> None:
        self._ahead, self._rest = io.BytesIO(ahead), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._ahead.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)
