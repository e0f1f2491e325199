"""Times as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from mfa_middleware.cli.errors import UsageError
from mfa_middleware.machines.times import format_time, parse_time

__all__ = ["HELP", "ago", "moment", "shown"]

HELP: Final = "2026-12-31, 2026-12-31T18:00:00Z"
_SPAN: Final = re.compile(r"\+?([0-9]{1,5})([mhdw])")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def moment(text: str, now: float, option: str, *, past: bool = False) -> float:
    """Unix seconds of a time (RFC 3339), of a date (its beginning in UTC), or of a span such as 90d from now.

    `past`: a span counts backwards. Raises UsageError that names the option.
    """
    if span := _SPAN.fullmatch(text):
        seconds = int(span[1]) * _UNITS[span[2]]
        return now - seconds if past else now + seconds
    try:
        return parse_time(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    except ValueError:
        span_form = "24h (ago)" if past else "90d (from now)"
        raise UsageError(f"{option}: {text[:40]!r} is no time; write {HELP} or {span_form}") from None


def shown(seconds: float | None, default: str = "") -> str:
    """A time to the second, in UTC."""
    return default if seconds is None else format_time(int(seconds))


def ago(seconds: float | None, now: float) -> str:
    """How long ago a time was; `never` for None."""
    if seconds is None:
        return "never"
    minutes = int(max(0.0, now - seconds) // 60)
    if minutes < 2:
        return "just now"
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else datetime.fromtimestamp(seconds, UTC).date().isoformat()
