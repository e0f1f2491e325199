"""The two clocks that everything reads, as one value that tests can replace."""

from __future__ import annotations

import time
from typing import Final, Protocol

__all__ = ["SYSTEM_CLOCK", "Clock"]


class Clock(Protocol):
    """Wall time in unix seconds, and a monotonic time in seconds with no fixed origin."""

    def wall(self) -> float: ...
    def monotonic(self) -> float: ...


class _SystemClock:
    __slots__ = ()
    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


SYSTEM_CLOCK: Final[Clock] = _SystemClock()
