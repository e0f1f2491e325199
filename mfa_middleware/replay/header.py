"""The first page of a table: what it is, how large, its secret, and the present era."""

from __future__ import annotations

import hashlib
import mmap
import secrets
import struct
from dataclasses import dataclass, field
from typing import Final

from mfa_middleware.errors import StoreError
from mfa_middleware.replay.era import Era
from mfa_middleware.replay.geometry import FIRST_PAGE

__all__ = ["GENERATION", "LAYOUT", "Header", "first_page", "parse", "read_era", "write_era"]

LAYOUT: Final = 3
"""Version of the layout: raise it with every change of where things lie or what they mean."""
GENERATION: Final = 512 // 4
"""Index of the 4-byte word that counts the eras; it also says which of two places holds the present one."""

_MAGIC: Final = b"mfa_middleware\x00\xf1"
_FIXED: Final = struct.Struct("=16sII32s")
_CHECK_SIZE: Final = 16
_ERAS_AT: Final = (1024, 1536)
_TRIES: Final = 1000


@dataclass(frozen=True, slots=True)
class Header:
    """What never changes in the life of a table. `sound`: whether the page is as it was written."""

    layout: int
    capacity: int
    secret: bytes = field(repr=False)
    sound: bool


def first_page(capacity: int, era: Era) -> bytes:
    """The first page of a new table, with a secret of its own."""
    fixed = _FIXED.pack(_MAGIC, LAYOUT, capacity, secrets.token_bytes(32))
    page = bytearray(FIRST_PAGE)
    page[: _FIXED.size] = fixed
    page[_FIXED.size : _FIXED.size + _CHECK_SIZE] = _check(fixed)
    page[GENERATION * 4 : GENERATION * 4 + 4] = struct.pack("=I", 1)
    packed = era.pack()
    packed += _check(packed)
    page[_ERAS_AT[1] : _ERAS_AT[1] + len(packed)] = packed
    return bytes(page)


def parse(page: bytes) -> Header | None:
    """What a first page says, or None if it is none of ours."""
    if len(page) < FIRST_PAGE or not page.startswith(_MAGIC):
        return None
    _, layout, capacity, secret = _FIXED.unpack_from(page)
    check = page[_FIXED.size : _FIXED.size + _CHECK_SIZE]
    return Header(layout, capacity, secret, sound=check == _check(page[: _FIXED.size]))


def read_era(buffer: mmap.mmap, words: memoryview) -> tuple[int, Era]:
    """The present era and its number. Raises StoreError if there is none, as the page was overwritten."""
    for _ in range(_TRIES):
        generation: int = words[GENERATION]
        at = _ERAS_AT[generation % 2]
        packed, check = buffer[at : at + Era.SIZE], buffer[at + Era.SIZE : at + Era.SIZE + _CHECK_SIZE]
        if check == _check(packed):  # else half of it is of a later era, whose number is about to be seen
            return generation, Era.unpack(packed)
    raise StoreError("the replay store is damaged: its present era cannot be read; remove it and it is made anew")


def write_era(buffer: mmap.mmap, words: memoryview, era: Era) -> None:
    """Begin an era: written where nobody looks, then made the present one in one go. The caller holds the lock."""
    generation = (words[GENERATION] + 1) & 0xFFFFFFFF
    at = _ERAS_AT[generation % 2]
    packed = era.pack()
    packed += _check(packed)
    buffer[at : at + len(packed)] = packed
    words[GENERATION] = generation


def _check(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_CHECK_SIZE).digest()
