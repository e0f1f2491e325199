"""How many entries each owner has: counted in two rotating windows, which is never less than the truth.

A count is a row, twenty of which make a shelf. Its 8 bytes hold the number of its window and the counts of
this window and the one before, and are stored in one go, so a process may die at any point. An owner who finds no row
free shares the *common* row of the shelf with others like him, and who gets a row starts from the common counts: a
row may count too much, never too little. Windows go by the monotonic clock and recover as it moves on.
(After the wall clock is set back, entries live longer than their windows; they are still kept, only not counted.)

A worker reserves a small part of a large quota at a time, so that one busy machine does not make all workers queue;
what it reserved and did not use counts as used until the window has passed.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from typing import Final

from mfa_middleware.replay.base import WINDOW_SECONDS
from mfa_middleware.replay.geometry import BLOCK, Geometry
from mfa_middleware.replay.locks import ThreadLocks

__all__ = ["OWNER_LOCKS", "Owners"]

OWNER_LOCKS: Final = 64

_ROWS: Final = 20
_TAG: Final = 16
_COUNTS: Final = _ROWS * _TAG
_COMMON: Final = (_COUNTS + _ROWS * 8) // 8
_SPLIT: Final = struct.Struct("<I16s")
_COUNT_BITS: Final = 24
_COUNT: Final = (1 << _COUNT_BITS) - 1
_WINDOWS: Final = 1 << 16
_PARTS: Final = 1024
_LARGEST_PART: Final = 64
_MOST_LEASES: Final = 4096

_Lease = tuple[int, list[None]]


class Owners:
    """The shelves of a table. `first_lock`: number of the first of the OWNER_LOCKS locks that guard them."""

    def __init__(
        self, buffer: mmap.mmap, quads: memoryview, geometry: Geometry, locks: ThreadLocks, first_lock: int, key: bytes
    ) -> None:
        self._buffer = buffer
        self._quads = quads
        self._geometry = geometry
        self._locks = locks
        self._first_lock = first_lock
        self._hash = hashlib.blake2b(key=key, digest_size=_SPLIT.size, person=b"owner")
        self._leases: dict[tuple[bytes, int], _Lease] = {}

    def take(self, owner: bytes, quota: int, monotonic: float, wait: float) -> bool | None:
        """Count one more entry of an owner; False if that exceeds the quota, None if the lock was not free in time."""
        window = int(monotonic // WINDOW_SECONDS) % _WINDOWS
        lease = self._leases.get((owner, quota))
        if lease is not None and lease[0] == window:
            try:
                lease[1].pop()
            except IndexError:
                pass
            else:
                return True
        wanted = max(1, min(_LARGEST_PART, quota // _PARTS))
        left = self._reserve(owner, quota, wanted, window, wait)
        if left is None or left <= 0:
            return None if left is None else False
        self._lease(owner, quota, window, min(wanted, left) - 1)
        return True

    def take_one(self, owner: bytes, quota: int, monotonic: float, wait: float, *, counts: bool) -> bool | None:
        """The same for a quota that holds just now, so nothing is reserved; unless it `counts`, it is only asked."""
        window = int(monotonic // WINDOW_SECONDS) % _WINDOWS
        left = self._reserve(owner, quota, int(counts), window, wait)
        return None if left is None else left > 0

    def _lease(self, owner: bytes, quota: int, window: int, spare: int) -> None:
        if not spare:
            return
        if len(self._leases) >= _MOST_LEASES:
            self._leases = {key: lease for key, lease in self._leases.copy().items() if lease[0] == window}
        if len(self._leases) < _MOST_LEASES:
            self._leases[owner, quota] = window, [None] * spare

    def _reserve(self, owner: bytes, quota: int, wanted: int, window: int, wait: float) -> int | None:
        """How many entries were left of a quota; so many, and `wanted` at most, are counted now."""
        digest = self._hash.copy()
        digest.update(owner)
        place, tag = _SPLIT.unpack(digest.digest())
        shelf = place % self._geometry.shelves
        lock = self._first_lock + shelf % OWNER_LOCKS
        if not self._locks.take(lock, wait):
            return None
        try:
            row = self._row(self._geometry.shelves_at + shelf * BLOCK, tag, window)
            window, before, now = _counts(self._quads[row], window)
            left = min(quota, _COUNT) - before - now
            self._quads[row] = _pack(window, before, now + max(0, min(wanted, left)))
            return left
        finally:
            self._locks.give(lock)

    def _row(self, shelf: int, tag: bytes, window: int) -> int:
        """Where the counts of an owner are: his own row, else a free one, else the common one."""
        end = shelf + _COUNTS
        at = self._buffer.find(tag, shelf, end)
        while at >= 0 and (at - shelf) % _TAG:
            at = self._buffer.find(tag, at + 1, end)
        first, common = end // 8, shelf // 8 + _COMMON
        if at >= 0:
            return first + (at - shelf) // _TAG
        for row in range(_ROWS):
            if not any(_counts(self._quads[first + row], window)[1:]):
                self._quads[first + row] = self._quads[common]
                self._buffer[shelf + row * _TAG : shelf + (row + 1) * _TAG] = tag
                return first + row
        return common


def _pack(window: int, before: int, now: int) -> int:
    return (window << 2 * _COUNT_BITS) | (before << _COUNT_BITS) | now


def _counts(word: int, window: int) -> tuple[int, int, int]:
    """The window that a row is in, and its counts in the one before and in it."""
    behind = (window - (word >> 2 * _COUNT_BITS)) % _WINDOWS
    if behind == 0:
        return window, (word >> _COUNT_BITS) & _COUNT, word & _COUNT
    if behind == 1:
        return window, word & _COUNT, 0
    if behind == _WINDOWS - 1:  # another worker has begun the next window while this one waited for the lock
        return word >> 2 * _COUNT_BITS, (word >> _COUNT_BITS) & _COUNT, word & _COUNT
    return window, 0, 0
