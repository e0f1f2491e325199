"""The time of a store: when it began, how its two clocks agree, and what a step of either of them means.

Two clocks are read at every claim. The wall clock is what proofs are dated by, and it can be set. The monotonic
clock cannot, but it has no date, stands still while a machine sleeps, and starts anew at boot. Between two settings
of the wall clock their difference is constant. An *era* is such a stretch of time; its first difference is kept, and
a reading that is more than TOLERANCE away from it (a setting, a sleep, a restored snapshot) begins a new era.

- *Entries.* An entry carries one date, the wall time at which it may be dropped. In its own era both clocks reach that
  together. After a forward step, what it was dated by lags: until every older entry has run out on the monotonic
  clock (`hold`), the time that drops entries is the lesser of the wall clock and the monotonic clock with the
  `least` difference of the eras before. After a backward step the wall clock itself is the later one. So an entry
  goes only when both clocks say so. After a boot the monotonic readings compare with nothing: all is held once.
- *Proofs with a nonce.* A new era has a new epoch, and a nonce of it was made after it began. No entry of such a
  proof can have been dropped before, whatever the wall clock did. So every step costs an honest machine one nonce
  and never locks it out.
- *Proofs without one.* They are dated by their client, so they may be as old as the world: one that was used and
  forgotten must not come back when the clock does. Two dates stand against that. Each stripe keeps its *floor*, the
  greatest date of an entry that it dropped, and a proof whose deadline lies below it is COLD: this is the greatest
  server time at which anything was dropped, so time never runs backwards. And a proof that was issued before the
  `latest` beginning of an era was COLD_SECONDS past is COLD for good, as a store without a memory, or a machine that
  was restored from a snapshot, may have met it in an earlier life: also when the clock is set back later. (That the
  store is older than COLD_SECONDS when the proof *arrives* would not be enough: a proof lives for PROOF_SECONDS.)

A step of an hour and back, a dead clock battery, a suspend: each ends in COLD and one nonce, none in a second use.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

from mfa_middleware.clock import Clock
from mfa_middleware.replay.base import COLD_SECONDS, LONGEST_SECONDS, PROOF_SECONDS

__all__ = ["DATE_SECONDS", "TOLERANCE", "Era", "boot_id", "expiry_date", "greatest_age", "read_clocks"]

TOLERANCE: Final = 1.0
"""Seconds by which the clocks may drift apart within an era; a leap second is no step."""

DATE_SECONDS: Final = 2
"""Dates count the wall clock in steps of two seconds, which keeps them below 2**30, where Python is fastest."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_PACKING: Final = struct.Struct("=16s16s5d")
_ROUNDING: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Era:
    """A stretch of time in which the clocks agree. All but the bytes are seconds.

    `epoch` names it, `boot` the run of the machine in which it began. `wall`, `monotonic`: when it began.
    `latest`: the greatest wall time at which this era or one before it began.
    `least`: the least difference of the clocks that entries may be dated by until the monotonic time `hold`.
    """

    SIZE: ClassVar[int] = _PACKING.size

    epoch: bytes
    boot: bytes
    wall: float
    monotonic: float
    latest: float
    least: float
    hold: float

    @classmethod
    def first(cls, clock: Clock, boot: bytes) -> Self:
        """The era in which a store begins."""
        wall, monotonic = read_clocks(clock)
        return cls(secrets.token_bytes(16), boot, wall, monotonic, wall, wall - monotonic, -math.inf)

    def next(self, wall: float, monotonic: float, boot: bytes) -> Era:
        """The era that begins with this reading, after this one."""
        offset = wall - monotonic
        before = self.least if monotonic < self.hold else self.wall - self.monotonic
        least = min(before, offset) if boot == self.boot else -math.inf
        hold = monotonic + LONGEST_SECONDS + 2 * TOLERANCE
        return Era(secrets.token_bytes(16), boot, wall, monotonic, max(self.latest, wall), least, hold)

    def agrees(self, wall: float, monotonic: float) -> bool:
        """Whether a reading belongs to this era."""
        return -TOLERANCE <= (wall - self.wall) - (monotonic - self.monotonic) <= TOLERANCE

    def drop_date(self, wall: float, monotonic: float) -> int:
        """An entry with a later date than this is live."""
        if monotonic < self.hold:
            wall = max(0.0, min(wall, monotonic + self.least))
        return int(wall / DATE_SECONDS)

    def is_cold(self, wall: float, monotonic: float, deadline: float) -> bool:
        """Whether a proof with this deadline, without a nonce, may have been used before the era began."""
        return (
            deadline + _ROUNDING < self.latest + COLD_SECONDS + PROOF_SECONDS
            or monotonic - self.monotonic < COLD_SECONDS
            or wall - self.wall < COLD_SECONDS
        )

    def pack(self) -> bytes:
        """The bytes that stand for this era in a table."""
        return _PACKING.pack(self.epoch, self.boot, self.wall, self.monotonic, self.latest, self.least, self.hold)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The reverse of `pack`."""
        return cls(*_PACKING.unpack_from(data))


def expiry_date(wall: float, seconds: float) -> int:
    """The date of an entry: by then `seconds` have passed on either clock, whatever the drift."""
    return max(1, int((wall + seconds + TOLERANCE) / DATE_SECONDS) + 1)


def greatest_age(date: int, seconds: float, wall: float) -> float:
    """How long ago an entry of this date may have been made, if it is kept for `seconds`: up to two seconds less."""
    return wall + seconds + TOLERANCE - (date - 1) * DATE_SECONDS


def read_clocks(clock: Clock) -> tuple[float, float]:
    """Wall and monotonic time of one moment: read again if the process was halted in between."""
    tries = 8
    while True:
        before = clock.monotonic()
        wall, monotonic = clock.wall(), clock.monotonic()
        tries -= 1
        if monotonic - before < TOLERANCE / 10 or not tries:
            return wall, monotonic


def boot_id() -> bytes:
    """16 bytes that name this run of the machine; the same for all where the system does not tell."""
    try:
        return hashlib.blake2b(_BOOT_ID.read_bytes(), digest_size=16).digest()
    except OSError:
        return bytes(16)
