"""The check of MFA_JWT_KEYS: a list of texts, paths and URLs, apart where one text holds several."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from json.decoder import JSONDecoder
from typing import Any, Final

__all__ = ["jwt_keys"]

_BETWEEN: Final = re.compile(r"[\s,\ufeff]*")
_PEM: Final = re.compile(r"(?:-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----\s*)+", re.DOTALL)
_PLACE: Final = re.compile(r"[^,\r\n]+")
_scan: Final = JSONDecoder().raw_decode


def jwt_keys(value: Any) -> tuple[str, ...]:
    """The items of MFA_JWT_KEYS, not looked into yet: texts of keys, paths and https URLs.

    In one text they stand apart by commas or line ends; blocks of PEM that follow each other are one item. In a list,
    each item is a text, a path or a JWK as a mapping. Raises ValueError, whose message holds no key.
    """
    if isinstance(value, str):
        return tuple(dict.fromkeys(_split(value)))
    if isinstance(value, Mapping):
        return (json.dumps(dict(value)),)
    if not isinstance(value, Iterable) or isinstance(value, bytes | bytearray):
        raise ValueError(f"write a list of keys, paths and https URLs, not a value of type {type(value).__name__}")
    return tuple(dict.fromkeys(item for part in value for item in _item(part)))


def _item(part: Any) -> tuple[str, ...]:
    if isinstance(part, Mapping):
        return (json.dumps(dict(part)),)
    if not isinstance(part, str) and not hasattr(part, "__fspath__"):
        raise ValueError(f"write each key as text, not as a value of type {type(part).__name__}")
    return (str(part),) if str(part).strip() else ()


def _split(text: str) -> Iterator[str]:
    at = _end_of(_BETWEEN, text, 0)
    while at < len(text):
        end = _item_end(text, at)
        yield text[at:end].strip()
        at = _end_of(_BETWEEN, text, end)


def _item_end(text: str, at: int) -> int:
    if text[at] == "{":
        try:
            return _scan(text, at)[1]
        except ValueError:
            raise ValueError("a JWK or JWK Set in it is no complete JSON; check its quotes and brackets") from None
    if text.startswith("-----BEGIN ", at):
        if (end := _end_of(_PEM, text, at)) == at:
            raise ValueError("a PEM block in it has no END line")
        return end
    return _end_of(_PLACE, text, at)


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
