"""How many tokens are tried for a source and in all, so that a flood of forgeries costs a bounded time."""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

from cachetools import LRUCache

from mfa_middleware.clock import SYSTEM_CLOCK, Clock

__all__ = ["Allowance", "Rate"]

_SOURCES: Final = 4_096


class Rate(NamedTuple):
    """`burst` at once, and `per_second` after that."""

    burst: float
    per_second: float


_EACH: Final = Rate(burst=200, per_second=10)
_ALL: Final = Rate(burst=400, per_second=50)


class Allowance:
    """Token buckets: one for each source, the least recent forgotten, and one for all of them together.

    A source that is forgotten begins anew; who has many sources is still held by the bucket for all.
    """

    def __init__(self, each: Rate = _EACH, together: Rate = _ALL, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._each, self._together, self._clock = each, together, clock
        self._sources: LRUCache[str, tuple[float, float]] = LRUCache(_SOURCES)
        self._all = together.burst, clock.monotonic()
        self._lock = threading.Lock()

    def take(self, source: str) -> bool:
        """Spend one trial of a source; whether it had one."""
        now = self._clock.monotonic()
        with self._lock:
            own = _filled(self._sources.get(source, (self._each.burst, now)), self._each, now)
            shared = _filled(self._all, self._together, now)
            granted = own >= 1 and shared >= 1
            self._sources[source] = own - granted, now
            self._all = shared - granted, now
        return granted


def _filled(bucket: tuple[float, float], rate: Rate, now: float) -> float:
    level, since = bucket
    return min(rate.burst, level + max(0.0, now - since) * rate.per_second)
