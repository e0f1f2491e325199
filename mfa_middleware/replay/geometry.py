"""Where things lie in a table: first page, floors, owner shelves, buckets. All of it follows from the capacity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay.base import FULL, MOST_ENTRIES, PRESSED

__all__ = ["BLOCK", "DATES", "FIRST_PAGE", "PEERS", "RECORDS", "TAG_SIZE", "Geometry"]

FIRST_PAGE: Final = 4096
BLOCK: Final = 512
"""Size of a bucket and of a shelf, in bytes."""
RECORDS: Final = 28
TAG_SIZE: Final = 12
DATES: Final = RECORDS * TAG_SIZE
PEERS: Final = DATES + RECORDS * 4
"""A bucket is 28 tags of 12 bytes, their 28 dates of 4 bytes, each of which is stored in one go, and 28 peers of 2."""

_LIVE: Final = 25  # of 28: a bucket that holds more is nine tenths full
_MOST_STRIPES: Final = 128
_BUCKETS_PER_STRIPE: Final = 64  # at least, so that the stripes fill evenly


@dataclass(frozen=True, slots=True)
class Geometry:
    """The layout of a table for `capacity` live entries.

    A key has two candidate buckets, both in one stripe, and goes into the emptier one. Each takes `limit` live
    entries, a tenth more than its share: so `capacity` fit although buckets fill unevenly, and few more than that.
    Above `pressed` live entries in the emptier one, the store counts as so full that owners must share.
    """

    capacity: int
    stripes: int
    buckets: int  # of one stripe
    limit: int
    pressed: int
    shelves: int

    @classmethod
    def of(cls, capacity: int) -> Self:
        """The layout for `capacity` live entries. Raises ConfigurationError if that is out of range."""
        if not 1 <= capacity <= MOST_ENTRIES:
            raise ConfigurationError(
                f"capacity of the replay store is {capacity}: give a whole number from 1 to {MOST_ENTRIES}"
            )
        needed = -(-capacity // _LIVE)
        stripes = max(1, min(_MOST_STRIPES, needed // _BUCKETS_PER_STRIPE))
        buckets = max(2, -(-needed // stripes))
        limit = min(RECORDS, -(-capacity * 11 // (10 * stripes * buckets)))
        pressed = int(capacity / (stripes * buckets) * PRESSED / FULL)
        return cls(capacity, stripes, buckets, limit, pressed, shelves=max(8, min(1024, capacity // 1000)))

    @property
    def shelves_at(self) -> int:
        """Offset of the first shelf; the floors, 4 bytes a stripe, are between it and the first page."""
        return FIRST_PAGE + BLOCK

    @property
    def buckets_at(self) -> int:
        """Offset of the first bucket."""
        return self.shelves_at + self.shelves * BLOCK

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.buckets_at + self.stripes * self.buckets * BLOCK
