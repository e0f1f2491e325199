"""The events of a log, line by line, whatever else stands in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

__all__ = ["BROKEN", "Told", "read_events"]

_MAX_LINE: Final = 65_536
_MAX_TEXT: Final = 512
_LAST: Final = 253_402_300_800  # the year 10000
_KINDS: Final = frozenset({"accepted", "refused", "would_refuse"})


@dataclass(frozen=True, slots=True)
class Told:
    """The decision on one request, as far as a summary needs it. `at`: unix seconds."""

    kind: str
    code: str
    method: str
    path: str
    credential: str
    at: float


BROKEN: Final = "broken"
"""Stands for a line that is no event."""


def read_events(file: BinaryIO) -> Iterator[Told | str]:
    """The decisions in a log, in its order; BROKEN for each line that is no event. Other events are passed over."""
    for line in _lines(file):
        told = _told(line)
        if told is not None:
            yield told


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines; of a line that is too long nothing but its first byte, which is no event."""
    whole = True
    while line := file.readline(_MAX_LINE):
        ended = line.endswith(b"\n")
        if whole:
            yield line if ended or len(line) < _MAX_LINE else line[:1]
        whole = ended


def _told(line: bytes) -> Told | str | None:
    if not line.strip():
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return BROKEN
    if not isinstance(event, dict) or not isinstance(event.get("kind"), str):
        return BROKEN
    if event["kind"] not in _KINDS:
        return None
    return Told(
        kind=event["kind"],
        code=_text(event.get("code")),
        method=_text(event.get("method")),
        path=_text(event.get("path")),
        credential=_text(event.get("credential")),
        at=_time(event.get("at")),
    )


def _time(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < _LAST else 0.0


def _text(value: object) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
