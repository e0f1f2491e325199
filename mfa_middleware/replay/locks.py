"""The numbered locks of a table that only one process uses."""

from __future__ import annotations

import threading

__all__ = ["ThreadLocks"]


class ThreadLocks:
    """`count` locks that exclude threads. Never two are taken in descending order, so nobody waits in a ring."""

    def __init__(self, count: int) -> None:
        self._threads = [threading.Lock() for _ in range(count)]

    def take(self, index: int, wait: float) -> bool:
        """Take a lock within `wait` seconds; with 0, never wait. False if that failed."""
        lock = self._threads[index]
        return lock.acquire(blocking=False) or (wait > 0 and lock.acquire(timeout=wait))

    def give(self, index: int) -> None:
        """Give a lock back."""
        self._threads[index].release()

    def settle(self, wait: float) -> None:
        """Wait until all who hold a lock have given it back, up to `wait` seconds for each."""
        for lock in self._threads:
            if lock.acquire(timeout=wait):
                lock.release()
