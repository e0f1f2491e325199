"""The table of entries: where a key may lie, whether it does, and how it is put there."""

from __future__ import annotations

import hashlib
import mmap
import struct
from bisect import bisect_right
from typing import Final

from mfa_middleware.clock import Clock
from mfa_middleware.replay.base import StoreState
from mfa_middleware.replay.era import Era, boot_id, read_clocks
from mfa_middleware.replay.geometry import BLOCK, DATES, FIRST_PAGE, PEERS, RECORDS, TAG_SIZE, Geometry
from mfa_middleware.replay.header import GENERATION, read_era, write_era
from mfa_middleware.replay.locks import ThreadLocks
from mfa_middleware.replay.owners import OWNER_LOCKS, Owners
from mfa_middleware.replay.peers import Peers

__all__ = ["CLOSING_SECONDS", "NOWHERE", "Spot", "Table", "lock_count"]

NOWHERE: Final = -1

_PLACE: Final = struct.Struct(f"<III{TAG_SIZE}s")
_SPLIT: Final = _PLACE.unpack
_read_dates: Final = struct.Struct(f"={RECORDS}I").unpack_from
_FLOORS: Final = FIRST_PAGE // 4
_WORDS: Final = BLOCK // 4
_PAIRS: Final = BLOCK // 2
_DATE: Final = DATES // 4
_PEER: Final = PEERS // 2 - _DATE
CLOSING_SECONDS: Final = 1.0

Spot = tuple[int, int, int, bytes]
"""Where a key may lie: its stripe, the offsets of its two buckets, its tag."""


def lock_count(geometry: Geometry) -> int:
    """How many locks a table needs: one a stripe, those of the owners, one for the era."""
    return geometry.stripes + OWNER_LOCKS + 1


class Table:
    """Entries in one block of memory. All but `spot`, `era` and `state` is for who holds the lock of the stripe.

    A key is hashed with the secret of the table, so nobody can aim at a bucket, and 96 bits of it are kept.
    An entry is put in the place of the one that ran out first: floor, peer, tag, then its date in one go. Only the last
    makes it live, so a process may be killed at any point; it has then told nobody that the key was new.
    """

    def __init__(self, buffer: mmap.mmap, geometry: Geometry, secret: bytes, locks: ThreadLocks) -> None:
        self.alive = True
        self.users = 0
        self.geometry = geometry
        self.locks = locks
        self._buffer = buffer
        self._words = memoryview(buffer).cast("I")
        self._quads = memoryview(buffer).cast("Q")
        self._pairs = memoryview(buffer).cast("H")
        self._secret = secret
        key = hashlib.blake2b(secret, person=b"placement").digest()
        self._hash = hashlib.blake2b(key=key, digest_size=_PLACE.size)
        self.owners = Owners(buffer, self._quads, geometry, locks, geometry.stripes, key)
        self.peers = Peers(key)
        self._buckets_at, self._stripes, self._buckets = geometry.buckets_at, geometry.stripes, geometry.buckets
        self._stripe_size = geometry.buckets * BLOCK
        self.pressed, self.limit = geometry.pressed, geometry.limit
        self._half = geometry.limit // 2
        self._load_era()

    def _load_era(self) -> Era:
        generation, era = read_era(self._buffer, self._words)
        self._present = generation, era, StoreState(era.epoch, self._secret)
        return era

    def era(self) -> Era:
        """The present era."""
        present = self._present
        return present[1] if present[0] == self._words[GENERATION] else self._load_era()

    def state(self) -> StoreState:
        """Epoch and secret for nonces."""
        self.era()
        return self._present[2]

    def settle_era(self, clock: Clock, wait: float) -> bool:
        """Begin a new era if the clocks, read anew, left the present one; False if the lock was not free in time."""
        lock = lock_count(self.geometry) - 1
        if not self.locks.take(lock, wait):
            return not self.alive
        try:
            if self.alive:
                self._settle_era(clock)
        finally:
            self.locks.give(lock)
        return True

    def _settle_era(self, clock: Clock) -> None:
        era, boot = self.era(), boot_id()
        wall, monotonic = read_clocks(clock)
        if era.boot != boot or not era.agrees(wall, monotonic):
            write_era(self._buffer, self._words, era.next(wall, monotonic, boot))

    def named(self, monotonic: float) -> bool:
        """Whether the others who share this table would find it."""
        del monotonic
        return True

    def spot(self, key: bytes) -> Spot:
        """Where a key may lie."""
        digest = self._hash.copy()
        digest.update(key)
        stripe, first, step, tag = _SPLIT(digest.digest())
        stripe %= self._stripes
        first %= self._buckets
        second = (first + 1 + step % (self._buckets - 1)) % self._buckets
        start = self._buckets_at + stripe * self._stripe_size
        return stripe, start + first * BLOCK, start + second * BLOCK, tag

    def floor(self, stripe: int) -> int:
        """The greatest date of an entry that this stripe dropped."""
        floor: int = self._words[_FLOORS + stripe]
        return floor

    def find(self, spot: Spot, now: int) -> int:
        """Where the live entry of this key is, or NOWHERE."""
        _, first, second, tag = spot
        find = self._buffer.find
        if find(tag, first, first + DATES) < 0 and find(tag, second, second + DATES) < 0:
            return NOWHERE
        return max(self._find_in(first, tag, now), self._find_in(second, tag, now))

    def _find_in(self, bucket: int, tag: bytes, now: int) -> int:
        end = bucket + DATES
        at = self._buffer.find(tag, bucket, end)
        while at >= 0:
            record, rest = divmod(at - bucket, TAG_SIZE)
            if rest == 0 and self._words[end // 4 + record] > now:
                return end // 4 + record
            at = self._buffer.find(tag, at + 1, end)
        return NOWHERE

    def entry(self, place: int) -> tuple[int, int]:
        """The date of an entry, and who made it."""
        block, word = divmod(place, _WORDS)
        return self._words[place], self._pairs[block * _PAIRS + word + _PEER]

    def room(self, spot: Spot, now: int) -> tuple[int, int]:
        """How many live entries are where this key would go, and the place for `put`, if these are below `limit`."""
        room = self._room_in(spot[1], now)
        if room[0] > self._half:  # below that, which of the two is emptier does not matter
            other = self._room_in(spot[2], now)
            if other[0] < room[0]:
                return other
        return room

    def _room_in(self, bucket: int, now: int) -> tuple[int, int]:
        """How many live entries a bucket has, and which one is to be overwritten next."""
        dates = _read_dates(self._buffer, bucket + DATES)
        oldest_first = sorted(dates)
        return RECORDS - bisect_right(oldest_first, now), (bucket + DATES) // 4 + dates.index(oldest_first[0])

    def put(self, spot: Spot, place: int, date: int, peer: int) -> None:
        """Write an entry of a peer where `room` said; it is live before `date`."""
        words, stripe = self._words, _FLOORS + spot[0]
        dropped = words[place]
        if dropped > words[stripe]:
            words[stripe] = dropped
        block, word = divmod(place, _WORDS)
        self._pairs[block * _PAIRS + word + _PEER] = peer
        tag = block * BLOCK + (word - _DATE) * TAG_SIZE
        self._buffer[tag : tag + TAG_SIZE] = spot[3]
        words[place] = date

    def close(self) -> None:
        """Wait for those at work, then give the memory back."""
        self.alive = False
        self.locks.settle(CLOSING_SECONDS)
        self.abandon()

    def abandon(self) -> None:
        """Give the memory back at once; only where nobody can be at work, as in the child of a fork."""
        self.alive = False
        self._words.release()
        self._quads.release()
        self._pairs.release()
        self._buffer.close()
