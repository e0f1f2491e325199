"""JSON as the most lenient parser reads it, and what a strict one would say (RFC 8259, RFC 7515 4)."""

from __future__ import annotations

import json
import math
import re
from json.decoder import JSONDecoder
from typing import Any, Final

from mfa_middleware.firewall.faults import Fault
from mfa_middleware.jose.strict import TOKEN

__all__ = ["UNREAD", "parse"]

UNREAD: Final = object()
"""In place of a value: no parser reads one here, or it was not worth the cost."""

_LONG_NUMBER: Final = re.compile(r"[0-9]{16}|[0-9][eE]")
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # closed or not, so that each byte is read once
_AS_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_BEFORE: Final = 256  # characters before an object that are searched for it
_MAX_DIGITS: Final = 64
_EXACT: Final = 2**53
_OPENING: Final = (b"{", b"[")
_SPACE: Final = " \t\n\r"


def parse(raw: bytes) -> tuple[Any, list[Fault]]:
    """The value of some JSON, else UNREAD, and the faults of its text; never raises."""
    faults: list[Fault] = []
    if _is_deep(raw):
        return UNREAD, [Fault.DEPTH if raw.lstrip()[:1] in _OPENING else Fault.NOT_JSON]
    text = _decoded(raw, faults)
    value, end = _value(text, faults)
    if value is UNREAD:
        return UNREAD, [Fault.NOT_JSON]
    if text[end:].strip(_SPACE):
        faults.append(Fault.SURPLUS)
    if "\\" in text or Fault.INVALID_UTF8 in faults:
        faults += _characters(value)
    if not isinstance(value, dict):
        faults.append(Fault.NOT_OBJECT)
    return value, list(dict.fromkeys(faults))


def _is_deep(raw: bytes) -> bool:
    """Whether brackets are nested deeper than honest tokens have them; what is never closed counts, too."""
    if raw.count(b"{") + raw.count(b"[") <= TOKEN.depth:
        return False
    brackets = _STRINGS.sub(b"", raw).translate(_AS_ONE_KIND, _NO_BRACKET)
    for _ in range(TOKEN.depth):
        brackets = brackets.replace(b"[]", b"")
    return b"[]" in brackets or brackets.count(b"[") > TOKEN.depth


def _decoded(raw: bytes, faults: list[Fault]) -> str:
    encoding = json.detect_encoding(raw)
    if encoding == "utf-8-sig":
        faults.append(Fault.BOM)
    elif encoding != "utf-8":
        faults.append(Fault.ENCODING)
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        faults.append(Fault.INVALID_UTF8)
        return raw.decode(encoding, "replace")


def _value(text: str, faults: list[Fault]) -> tuple[Any, int]:
    """The first value in a text and where it ends; what stands before an object is skipped."""
    start = len(text) - len(text.lstrip(_SPACE))
    attempts = (True, start, None), (False, start, Fault.CONTROL), (False, None, Fault.SURPLUS)
    for strict, place, fault in attempts:
        at = text.find("{", start + 1, _BEFORE) if place is None else place
        hooks = _Hooks()
        try:
            value, end = _decoder(text, hooks, strict=strict).raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        faults += sorted(hooks.noted) if fault is None else [*sorted(hooks.noted), fault]
        return value, end
    return UNREAD, 0


class _Hooks:
    """What the scanner of one text calls for objects and odd numbers, to note their faults."""

    __slots__ = ("noted",)

    def __init__(self) -> None:
        self.noted: set[Fault] = set()

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            self.noted.add(Fault.DUPLICATE)
        return found

    def constant(self, _: str) -> float:
        self.noted.add(Fault.CONSTANT)
        return math.nan

    def integer(self, digits: str) -> float:
        if len(digits) <= _MAX_DIGITS:
            return self._bounded(int(digits))
        self.noted.add(Fault.HUGE_NUMBER)
        return math.inf

    def number(self, digits: str) -> float:
        return self._bounded(float(digits))

    def _bounded(self, number: float) -> float:
        if math.isinf(number):
            self.noted.add(Fault.CONSTANT)
        elif not -_EXACT < number < _EXACT:
            self.noted.add(Fault.BIG_NUMBER)
        return number


def _decoder(text: str, hooks: _Hooks, *, strict: bool) -> JSONDecoder:
    members, constant = hooks.members, hooks.constant
    if _LONG_NUMBER.search(text) is None:  # the scanner's own conversion is ten times as fast
        return JSONDecoder(object_pairs_hook=members, parse_constant=constant, strict=strict)
    return JSONDecoder(
        object_pairs_hook=members,
        parse_constant=constant,
        parse_int=hooks.integer,
        parse_float=hooks.number,
        strict=strict,
    )


def _characters(value: Any) -> list[Fault]:
    """Faults of the characters in a value: half a surrogate pair anywhere, NUL in a name."""
    faults = []
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        faults.append(Fault.SURROGATE)
    if isinstance(value, dict) and any("\0" in name for name in value):
        faults.append(Fault.NUL)
    return faults
