"""A clock that tests move by hand."""

from __future__ import annotations

START = 1_700_000_000.0


class HandClock:
    """`advance` moves both clocks, `step` sets the wall clock, `sleep` is what both show after a suspend."""

    def __init__(self, wall: float = START, monotonic: float = 1000.0) -> None:
        self.now = wall
        self.running = monotonic

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.running

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.running += seconds

    def step(self, seconds: float) -> None:
        self.now += seconds

    suspend = step
