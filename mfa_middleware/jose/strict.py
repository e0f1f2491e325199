"""Strict readings of what JOSE leaves to parsers: base64url, JSON and the compact form (RFC 7515 2, 3.1, 7.1).

JWT libraries accept duplicate names, byte order marks, padding and unused bits, so two of them can read two
different tokens from the same bytes. Here every token has one reading or none.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64
from collections.abc import Callable
from functools import partial
from json.decoder import JSONDecoder
from typing import Any, Final, NamedTuple

__all__ = ["PROOF", "TOKEN", "Compact", "Limits", "Malformed", "decode_segment", "parse_object", "split_compact"]

_INTEGER_LIMIT: Final = 2**53
_INTEGER_DIGITS: Final = 17

ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
# The last character of a segment may not carry bits that decode to nothing (RFC 4648 3.5).
_LAST: Final = {
    0: frozenset(ALPHABET),
    2: frozenset(b"AQgw"),
    3: frozenset(b"AEIMQUYcgkosw048"),
}
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # closed or not, so that each byte is read once
_AS_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_BEGINNING: Final = 256
_LONG: Final = 1_024  # characters; what honest clients send is shorter, but for RSA keys
_TOO_DEEP: Final = "JSON deeper than {}"


class Malformed(ValueError):  # noqa: N818 - named for what the input is
    """The input has no single strict reading. The message never quotes the input."""


class Compact(NamedTuple):
    """The three segments of a compact JWS, still encoded, and the bytes that were signed."""

    header: bytes
    payload: bytes
    signature: bytes
    signing_input: bytes


def split_compact(token: bytes) -> Compact:
    """Split a compact JWS into its three segments of canonical base64url; only the payload may be empty.

    Raises Malformed.
    """
    if token.translate(None, ALPHABET) != b"..":
        raise Malformed("not three base64url segments")
    header, payload, signature = token.split(b".")
    if not header or not signature:
        raise Malformed("the header or the signature is empty")
    if not (_is_canonical(header) and _is_canonical(signature) and (not payload or _is_canonical(payload))):
        raise Malformed("a segment is not canonical base64url")
    return Compact(header, payload, signature, token[: -len(signature) - 1])


def _is_canonical(segment: bytes) -> bool:
    return segment[-1] in _LAST.get(len(segment) & 3, ())


def decode_segment(segment: bytes) -> bytes:
    """Decode canonical unpadded base64url (RFC 7515 2). Raises Malformed."""
    if segment.translate(None, ALPHABET) or (segment and not _is_canonical(segment)):
        raise Malformed("not canonical base64url")
    return decode_checked(segment)


def decode_checked(segment: bytes) -> bytes:
    """Decode a segment that `split_compact` has already found canonical."""
    return a2b_base64(segment.translate(_STANDARD) + b"==")


class Limits(NamedTuple):
    """How deep, and how wide in members, a JSON object may be."""

    depth: int
    members: int


PROOF: Final = Limits(depth=5, members=32)
"""What a proof needs, with room for members that are ignored."""
TOKEN: Final = Limits(depth=16, members=256)
"""What the access tokens of large identity providers need."""


def parse_object(raw: bytes, limits: Limits = PROOF) -> dict[str, Any]:
    """Parse a JSON object: UTF-8, no duplicate names, bounded depth and members, finite numbers below 2^53.

    Raises Malformed.
    """
    if not raw.startswith(b"{"):
        raise Malformed("not a JSON object")
    objects = raw.count(b"{")
    if objects + raw.count(b"[") > limits.depth:
        _check_depth(raw, limits.depth)
    try:
        text = raw.decode("utf-8")
        if objects == 1:
            pairs, end = _SCAN_PAIRS(text, 0)
            value = _unique_members(pairs, limits.members)
        else:
            value, end = _SCANNERS[limits](text, 0)
        if end != len(text) and text[end:].strip(" \t\n\r"):
            raise Malformed("more than one JSON value")
        if "\\" in text:  # an escape may stand for a lone surrogate
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except Malformed:
        raise
    except (ValueError, RecursionError, StopIteration) as error:
        raise Malformed("not strict JSON in UTF-8") from error
    return value


def parse_segment(segment: bytes) -> dict[str, Any]:
    """`parse_object` of a segment that `split_compact` has found canonical. Raises Malformed.

    What is deep is mostly so from its beginning on, and refused before the rest is decoded.
    """
    if len(segment) > _LONG:
        beginning = decode_checked(segment[:_BEGINNING])
        if beginning.startswith(b"{") and _is_deep_already(beginning, PROOF.depth):
            raise Malformed(_TOO_DEEP.format(PROOF.depth))
    return parse_object(decode_checked(segment))


def _check_depth(raw: bytes, limit: int) -> None:
    """What is deep is mostly so from its beginning on, and refused there; what is broad is measured as a whole."""
    if _is_deep_already(raw[:_BEGINNING], limit) or _brackets_left(raw, limit):
        raise Malformed(_TOO_DEEP.format(limit))


def _is_deep_already(beginning: bytes, limit: int) -> bool:
    return beginning.count(b"{") + beginning.count(b"[") > limit and _brackets_left(beginning, limit) > limit


def _brackets_left(raw: bytes, limit: int) -> int:
    """How many brackets are open once the innermost levels have been taken off, `limit` times."""
    # Without a backslash, what stands between two quotes is a string, and every second part of the text.
    outside = _STRINGS.sub(b"", raw) if b"\\" in raw else b"".join(raw.split(b'"')[::2])
    brackets = outside.translate(_AS_ONE_KIND, _NO_BRACKET)
    for _ in range(limit):
        brackets = brackets.replace(b"[]", b"")
    return brackets.count(b"[")


def _unique_members(pairs: list[tuple[str, Any]], limit: int) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("a JSON name is duplicated")
    if len(members) > limit:
        raise Malformed(f"more than {limit} JSON members")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _INTEGER_DIGITS or not -_INTEGER_LIMIT < (value := int(digits)) < _INTEGER_LIMIT:
        raise Malformed("a JSON integer is not below 2^53")
    return value


def _number(digits: str) -> float:
    value = float(digits)
    if not -_INTEGER_LIMIT < value < _INTEGER_LIMIT:
        raise Malformed("a JSON number is not finite or not below 2^53")
    return value


def _constant(_: str) -> Any:
    raise Malformed("NaN and Infinity are not JSON")


def _scanner(hook: Callable[[list[tuple[str, Any]]], Any]) -> Callable[[str, int], tuple[Any, int]]:
    decoder = JSONDecoder(
        object_pairs_hook=hook,
        parse_int=_integer,
        parse_float=_number,
        parse_constant=_constant,
    )
    # What JSONDecoder.decode calls between two searches for white space, which are half of its cost.
    scan: Callable[[str, int], tuple[Any, int]] = vars(decoder)["scan_once"]
    return scan


_SCANNERS: Final = {limits: _scanner(partial(_unique_members, limit=limits.members)) for limits in (PROOF, TOKEN)}
_SCAN_PAIRS: Final = _scanner(list)  # for an object without any in it: its pairs, without a call to Python
