"""The text of each key in a JWK Set, byte for byte as it is served."""

from __future__ import annotations

from collections.abc import Iterator
from json.decoder import JSONDecoder
from typing import Final

__all__ = ["key_texts"]

_SPACE: Final = " \t\n\r"
_scan: Final = JSONDecoder().raw_decode


def key_texts(text: str) -> list[str]:
    """The texts of the items of `keys`, in a JSON object that has been parsed strictly before."""
    for name, start in _members(text):
        if name == "keys":
            return list(_items(text, start))
    return []


def _members(text: str) -> Iterator[tuple[str, int]]:
    """The name of each member, and where its value starts."""
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        name, end = _scan(text, at)
        start = _skip(text, _skip(text, end) + 1)
        yield name, start
        at = _after(text, start)


def _items(text: str, start: int) -> Iterator[str]:
    at = _skip(text, start + 1)
    while text[at] != "]":
        _, end = _scan(text, at)
        yield text[at:end]
        at = _after(text, at)


def _after(text: str, start: int) -> int:
    """Where the next member or item starts, or the closing bracket stands."""
    _, end = _scan(text, start)
    at = _skip(text, end)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at
