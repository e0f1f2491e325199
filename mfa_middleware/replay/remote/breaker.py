"""A circuit breaker: while a server does not answer, nobody waits for it but one who tries, twice a second."""

from __future__ import annotations

import threading
from typing import Final

__all__ = ["Breaker"]

_FAILURES: Final = 3
_PAUSE: Final = 0.5


class Breaker:
    """Open after three failures in a row; then one try in half a second is let through, until one succeeds.

    All times are seconds of the monotonic clock. Does no I/O and never waits.
    """

    __slots__ = ("_failures", "_lock", "_next_try")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try = 0.0

    @property
    def is_open(self) -> bool:
        """Whether those who come now are turned away."""
        return self._failures >= _FAILURES

    def admits(self, now: float) -> bool:
        """Whether to try: always while it is closed, and for one caller in half a second while it is open."""
        if self._failures < _FAILURES:
            return True
        with self._lock:
            if now < self._next_try:
                return False
            self._next_try = now + _PAUSE
            return True

    def succeeded(self) -> bool:
        """A try was answered; True if that closes the breaker."""
        was_open, self._failures = self._failures >= _FAILURES, 0
        return was_open

    def failed(self, now: float) -> bool:
        """A try was not answered; True if that opens the breaker."""
        with self._lock:
            self._failures += 1
            self._next_try = now + _PAUSE
            return self._failures == _FAILURES
