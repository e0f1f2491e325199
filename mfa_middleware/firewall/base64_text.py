"""A base64url segment as the most lenient decoder reads it, and what a strict one would say (RFC 7515 2)."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator
from typing import Final

from mfa_middleware.firewall.faults import Fault
from mfa_middleware.jose.strict import ALPHABET, Malformed, decode_segment

__all__ = ["decode"]

_NO_DIGIT: Final = bytes(set(range(256)) - set(ALPHABET + b"+/"))
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


def decode(segment: bytes) -> tuple[bytes, tuple[Fault, ...]]:
    """The bytes of a segment, whatever stands between its characters; never raises."""
    try:
        return decode_segment(segment), ()
    except Malformed:
        kept = segment.translate(_STANDARD, _NO_DIGIT)
        if len(kept) % 4 == 1:
            kept = kept[:-1]
        return a2b_base64(kept + b"=="), tuple(_faults(segment))


def _faults(segment: bytes) -> Iterator[Fault]:
    bare = segment.rstrip(b"=")
    padding = len(segment) - len(bare)
    if padding:
        yield Fault.PADDING if len(segment) % 4 == 0 and padding <= 2 else Fault.ALPHABET
    if foreign := bare.translate(None, ALPHABET):
        yield Fault.WHITESPACE if not foreign.strip() else Fault.ALPHABET
    elif len(bare) % 4 == 1:
        yield Fault.IMPOSSIBLE_LENGTH
    elif not _has_one_spelling(bare):
        yield Fault.UNUSED_BITS


def _has_one_spelling(bare: bytes) -> bool:
    try:
        decode_segment(bare)
    except Malformed:
        return False
    return True
