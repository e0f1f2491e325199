"""A clock that stands still until it is told to go on."""

from __future__ import annotations

__all__ = ["FrozenClock"]


class FrozenClock:
    """Wall and monotonic time that change only when told to. Give it to the service *and* to what it checks.

    now: the wall time, in unix seconds.
    """

    def __init__(self, now: float) -> None:
        self._wall = float(now)
        self._monotonic = 1_000.0

    def wall(self) -> float:
        """The time in unix seconds."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for a negative number."""
        if seconds < 0:
            raise ValueError("time does not pass backwards; step(seconds) sets the wall clock")
        self._wall += seconds
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or backward, as an operator or NTP does; no time passes."""
        self._wall += seconds
