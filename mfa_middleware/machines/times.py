"""RFC 3339 times in the registry file, unix seconds in the program."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

__all__ = ["format_time", "parse_time"]

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_LAST: Final = 253402300799.0  # the last second of the year 9999


def parse_time(text: object) -> float:
    """Unix seconds of a date and time with an offset (RFC 3339 5.6), from 1970 on. Raises ValueError."""
    expected = 'write a time with its zone, such as "2026-12-31T00:00:00Z"'
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise ValueError(expected)
    try:
        seconds = datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise ValueError(f"there is no such time; {expected}") from error
    if not 0 <= seconds <= _LAST:
        raise ValueError("the time must lie between the years 1970 and 9999")
    return seconds


def format_time(seconds: float) -> str:
    """The RFC 3339 form, in UTC, of unix seconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
