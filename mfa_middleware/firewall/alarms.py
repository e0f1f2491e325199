"""Many refusals for what an honest client may do, from one source in a short time, are an attack after all."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_network
from typing import Final

from mfa_middleware.firewall.finding import Evidence, Finding
from mfa_middleware.http import Address

__all__ = ["THRESHOLD", "WINDOW", "Alarms"]

THRESHOLD: Final = 30
"""How many refusals for one trick that honest clients do, too, from one source within WINDOW, are an attack."""
WINDOW: Final = 60.0
"""Seconds."""
_SOURCES: Final = 4_096
_HOST_BITS: Final = 64
_MOST_TOLD: Final = 8


class _Count:
    """What one source was refused for since `since` (seconds of a monotonic clock)."""

    __slots__ = ("ids", "since", "told")

    def __init__(self, since: float) -> None:
        self.since = since
        self.told = False
        self.ids: dict[str, int] = {}


class Alarms:
    """Counts the refusals of each source; the one that began first is forgotten first. Any thread may use it.

    A count is never a reason to refuse: an address may be shared by honest callers.
    """

    def __init__(self) -> None:
        self._counts: dict[object, _Count] = {}
        self._lock = threading.Lock()

    def note(self, source: Address | None, findings: Iterable[Finding], now: float) -> str | None:
        """Count one refusal; what to tell the operator, once in a window, where there were too many.

        `now`: seconds of a monotonic clock.
        """
        most = 0
        with self._lock:
            count = None
            for finding in findings:
                if finding.evidence is Evidence.POLICY:
                    count = count or self._count_of(source, now)
                    count.ids[finding.id] = times = count.ids.get(finding.id, 0) + 1
                    most = max(most, times)
            if count is None or most < THRESHOLD or count.told:
                return None
            count.told = True
            return _told(source, count.ids)

    def _count_of(self, source: Address | None, now: float) -> _Count:
        name = int(source) >> _HOST_BITS if isinstance(source, IPv6Address) else source
        count = self._counts.get(name)
        if count is None or now - count.since > WINDOW:
            self._counts.pop(name, None)
            if len(self._counts) >= _SOURCES:
                del self._counts[next(iter(self._counts))]
            count = self._counts[name] = _Count(now)
        return count


def _told(source: Address | None, ids: Mapping[str, int]) -> str:
    often = sorted(ids.items(), key=lambda pair: -pair[1])[:_MOST_TOLD]
    tricks = ", ".join(f"{times} x {trick}" for trick, times in often)
    return f"many refusals from {_site(source)} within {WINDOW:.0f} s: {tricks}"


def _site(source: Address | None) -> str:
    """The source as it is counted; a caller has a whole network of version 6 to itself."""
    if source is None:
        return "an unknown address"
    if isinstance(source, IPv6Address):
        return str(ip_network((source, _HOST_BITS), strict=False))
    return str(source)
