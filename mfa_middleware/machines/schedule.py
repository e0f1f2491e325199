"""A weekly schedule, such as `mon-fri 08:00-18:00 Europe/Berlin; sat 09:00-12:00`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

__all__ = ["Schedule", "parse_schedule"]

Span: TypeAlias = tuple[int, int]
"""Minutes since Monday 00:00, the first included, the second not."""

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_MAX_LENGTH: Final = 500
_WINDOW: Final = re.compile(
    r"(?P<days>[a-z,-]+) +(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?: +(?P<zone>\S+))?", re.ASCII | re.IGNORECASE
)
_EXAMPLE: Final = 'write it like "mon-fri 08:00-18:00 Europe/Berlin; sat 09:00-12:00"'


@dataclass(frozen=True, slots=True)
class Window:
    """Times of the week on the clocks of one zone."""

    zone: tzinfo
    spans: tuple[Span, ...]

    def allows(self, now: float) -> bool:
        """Whether the unix time lies in the window."""
        local = datetime.fromtimestamp(now, self.zone)
        minute = local.weekday() * _DAY + local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.spans)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When in the week a machine may act. `text` is what the operator wrote.

    Windows follow the clock on the wall: an hour that summer time skips never comes, an hour that is repeated
    counts both times, and a window that crosses the change ends when the clock shows its end.
    """

    text: str
    windows: tuple[Window, ...]

    def allows(self, now: float) -> bool:
        """Whether the unix time lies in one of the windows."""
        return any(window.allows(now) for window in self.windows)

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=1024)
def parse_schedule(text: str) -> Schedule:
    """Read windows parted by `;`, each `DAYS HH:MM-HH:MM ZONE`. Raises ValueError that says what to write.

    DAYS are names, lists (`mon,wed`) and ranges (`fri-mon`). An end at or before the start lies on the next day.
    A window without a zone has that of the window before it.
    """
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"a schedule has at most {_MAX_LENGTH} characters")
    if not text.isprintable():
        raise ValueError(f"a schedule is one line; {_EXAMPLE}")
    windows: list[Window] = []
    for part in text.split(";"):
        windows.append(_window(part.strip(), windows[-1].zone if windows else None))
    return Schedule(text.strip(), tuple(windows))


def _window(text: str, inherited: tzinfo | None) -> Window:
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]!a} is not a window of days, times and zone; {_EXAMPLE}")
    zone = _zone(match["zone"]) if match["zone"] else inherited
    if zone is None:
        raise ValueError(f'{text[:60]!a} names no zone; write "{text} UTC", or the zone whose clocks it means')
    start, end = _minutes(match["start"]), _minutes(match["end"])
    if start in {_DAY, end}:
        raise ValueError(f"{text[:60]!a} has no length; for a whole day write 00:00-24:00")
    length = (end - start) % _DAY or _DAY
    return Window(zone, tuple(span for day in _days(match["days"]) for span in _spans(day * _DAY + start, length)))


def _spans(start: int, length: int) -> tuple[Span, ...]:
    end = start + length
    return ((start, end),) if end <= _WEEK else ((start, _WEEK), (0, end - _WEEK))


def _minutes(text: str) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if minute > 59 or hour * 60 + minute > _DAY:
        raise ValueError(f"{text} is not a time of day; the times are 00:00 to 24:00")
    return hour * 60 + minute


def _days(text: str) -> list[int]:
    days: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        start, end = _day(first), _day(last or first)
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return sorted(days)


def _day(name: str) -> int:
    try:
        return _DAYS.index(name)
    except ValueError:
        raise ValueError(f"{name[:20]!a} is not a day; the days are {', '.join(_DAYS)}") from None


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValueError(_zone_advice(name)) from None


def _zone_advice(name: str) -> str:
    known = available_timezones()
    if not known:
        return f"this host has no time zone data, so {name[:60]!a} is unknown: pip install tzdata"
    folded = {zone.lower(): zone for zone in sorted(known)}
    nearest = [folded[zone] for zone in get_close_matches(name[:60].lower(), folded, 1)] or ["Europe/Berlin", "UTC"]
    return f"{name[:60]!a} is not a time zone; write {' or '.join(nearest)}"
