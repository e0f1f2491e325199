"""Many refusals for what an honest client may do, from one source in a short time, are an attack after all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_network
from typing import Final

from cachetools import LRUCache

from mfa_middleware.firewall.finding import Finding
from mfa_middleware.http import Address

__all__ = ["THRESHOLD", "WINDOW", "Alarms"]

THRESHOLD: Final = 30
"""How many refusals for one trick that honest clients do, too, from one source within WINDOW, are an attack."""
WINDOW: Final = 60.0
"""Seconds."""
_SOURCES: Final = 4_096
_SITE: Final = 64


class _Count:
    """What one source was refused for since `since` (seconds of a monotonic clock)."""

    __slots__ = ("ids", "since", "told")

    def __init__(self, since: float) -> None:
        self.since = since
        self.told = False
        self.ids: Counter[str] = Counter()


class Alarms:
    """Counts the refusals of each source; the least recent source is forgotten first. Any thread may use it.

    A count is never a reason to refuse: an address may be shared by honest callers.
    """

    def __init__(self) -> None:
        self._counts: LRUCache[str, _Count] = LRUCache(_SOURCES)
        self._lock = threading.Lock()

    def note(self, source: Address | None, findings: Iterable[Finding], now: float) -> str | None:
        """Count one refusal; what to tell the operator, once in a window, where there were too many.

        `now`: seconds of a monotonic clock.
        """
        ids = {finding.id for finding in findings if not finding.is_attack}
        if not ids:
            return None
        name = _site(source)
        with self._lock:
            count = self._counts.get(name)
            if count is None or now - count.since > WINDOW:
                count = _Count(now)
            self._counts[name] = count
            count.ids.update(ids)
            if count.told or max(count.ids.values()) < THRESHOLD:
                return None
            count.told = True
            told = ", ".join(f"{times} x {trick}" for trick, times in count.ids.most_common(8))
        return f"many refusals from {name} within {WINDOW:.0f} s: {told}"


def _site(source: Address | None) -> str:
    """The source as it is counted; a caller has a whole network of version 6 to itself."""
    if source is None:
        return "an unknown address"
    return str(ip_network((source, _SITE), strict=False)) if isinstance(source, IPv6Address) else str(source)
