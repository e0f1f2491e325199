"""The step of a claim, for every store that is a table in memory."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import enum
import errno
from typing import Final

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay.base import LONGEST_SECONDS, RETRY_SECONDS, Options, Outcome, StoreState
from mfa_middleware.replay.era import DATE_SECONDS, TOLERANCE, Era, expiry_date, greatest_age
from mfa_middleware.replay.peers import UNKNOWN
from mfa_middleware.replay.table import NOWHERE, Spot, Table
from mfa_middleware.replay.tables import TABLES

__all__ = ["WAIT_SECONDS", "TableStore"]

WAIT_SECONDS: Final = 1.0
"""How long a claim waits for a lock before it gives up."""

_ROUNDS: Final = 8
_PAUSE: Final = 0.0005
_LONGEST_PAUSE: Final = 0.01

_Claim = tuple[bytes, bytes, float, bytes | None, float, bytes]


class _Hindrance(enum.Enum):
    """Why an attempt came to no outcome, and wrote nothing."""

    BUSY = "a lock was not free in time"
    MOVED = "the table is no longer the one that all share"
    STEPPED = "a clock was set"


class TableStore(abc.ABC):
    """A store that is a table in memory. An attempt never waits unless told to, and either decides or says why not."""

    def __init__(self, options: Options) -> None:
        self._quota = options.quota
        self._clock = options.clock
        self._never_cold = options.never_cold
        self._closed = False
        self._table = self._find_table()
        self._settle_boot()

    @abc.abstractmethod
    def _find_table(self) -> Table:
        """The table to use from now on. Raises ConfigurationError."""

    def _settle_boot(self) -> None:
        """A file may be older than this run of the machine."""
        if not self._table.settle_era(self._clock, WAIT_SECONDS):
            raise _busy()

    @property
    def capacity(self) -> int:
        """Live entries that the table is made for."""
        return self._table.geometry.capacity

    def state(self, owner: bytes = b"") -> StoreState:
        """The epoch and secret for nonces, the same for all owners.

        A file that was replaced or a clock that was set is noticed here as well.
        """
        del owner
        for _ in range(_ROUNDS):
            table = self._table
            with contextlib.suppress(OSError, ValueError):  # another thread closes a table that is no longer in use
                wall, monotonic = self._clock.wall(), self._clock.monotonic()
                if table.alive and not self._closed and table.named(monotonic):
                    if not table.era().agrees(wall, monotonic):
                        table.settle_era(self._clock, 0.0)
                    return table.state()
            self._move(table)
        raise _unsettled()

    refresh = state

    async def refresh_async(self, owner: bytes = b"") -> StoreState:
        """The state, which is in memory."""
        return self.state(owner)

    def claim(
        self, key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes = b""
    ) -> Outcome:
        """Use a key up, once; see ReplayStore. Waits up to a second for a lock, which is free in microseconds."""
        if not 0 < seconds <= LONGEST_SECONDS:
            raise _out_of_range(seconds)
        claim = key, owner, seconds, epoch, deadline, peer
        rounds = 0
        while rounds < _ROUNDS:
            table = self._table
            answer = self._attempt(table, claim, WAIT_SECONDS)
            if isinstance(answer, Outcome):
                return answer
            self._overcome(answer, table)
            rounds += 1
        raise _unsettled()

    async def claim_async(
        self, key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes = b""
    ) -> Outcome:
        """The same; a lock that is not free is tried again later, and files are opened in a thread."""
        if not 0 < seconds <= LONGEST_SECONDS:
            raise _out_of_range(seconds)
        claim = key, owner, seconds, epoch, deadline, peer
        pause, waited, rounds = _PAUSE, 0.0, 0
        while rounds < _ROUNDS and waited < WAIT_SECONDS:
            table = self._table
            answer = self._attempt(table, claim, 0.0)
            if isinstance(answer, Outcome):
                return answer
            if answer is _Hindrance.BUSY:
                await asyncio.sleep(pause)
                pause, waited = min(2 * pause, _LONGEST_PAUSE), waited + pause
            else:
                rounds += 1
                await asyncio.to_thread(self._overcome, answer, table)
        raise _unsettled() if rounds else _busy()

    def close(self) -> None:
        """Give back what the store holds; a claim after this raises StoreError."""
        if not self._closed:
            self._closed = True
            TABLES.leave(self._table)

    def _attempt(self, table: Table, claim: _Claim, wait: float) -> Outcome | _Hindrance:
        try:
            spot, locks = table.spot(claim[0]), table.locks
            if not locks.take(spot[0], wait):
                return _Hindrance.BUSY if table.alive else _Hindrance.MOVED
            try:
                return self._decide(table, spot, claim, wait) if table.alive else _Hindrance.MOVED
            finally:
                locks.give(spot[0])
        except OSError as error:
            if error.errno == errno.EBADF:  # somebody closed all descriptors of the process
                return _Hindrance.MOVED
            raise StoreError(f"the replay store cannot be locked or read: {error}") from error

    def _decide(self, table: Table, spot: Spot, claim: _Claim, wait: float) -> Outcome | _Hindrance:
        _, owner, seconds, epoch, deadline, peer = claim
        clock = self._clock
        wall, monotonic = clock.wall(), clock.monotonic()
        era = table.era()
        if not table.named(monotonic):
            return _Hindrance.MOVED
        if not era.agrees(wall, monotonic):
            return _Hindrance.STEPPED
        if not wall <= deadline:
            return Outcome.STALE
        if self._is_cold(table, spot, era, wall, monotonic, deadline) if epoch is None else epoch != era.epoch:
            return Outcome.COLD
        now = era.drop_date(wall, monotonic)
        found = table.find(spot, now)
        if found != NOWHERE:
            retried = monotonic >= era.hold and _is_retry(table.entry(found), table.peers[peer], seconds, wall)
            return Outcome.RETRIED if retried else Outcome.SEEN
        live, place = table.room(spot, now)
        if live <= table.pressed:
            counted = table.owners.take(owner, self._quota, monotonic, wait)
        else:
            counted = self._take_share(table, live, owner, monotonic, wait)
        if not counted:
            return _Hindrance.BUSY if counted is None else Outcome.QUOTA
        if live >= table.limit:
            return Outcome.FULL
        table.put(spot, place, expiry_date(wall, seconds), table.peers[peer])
        return Outcome.NEW

    def _take_share(self, table: Table, live: int, owner: bytes, monotonic: float, wait: float) -> bool | None:
        """Count an entry while the store is under pressure: each step halves what an owner may have."""
        share = max(1, self._quota >> (live - table.pressed))
        return table.owners.take_one(owner, share, monotonic, wait, counts=live < table.limit)

    def _is_cold(self, table: Table, spot: Spot, era: Era, wall: float, monotonic: float, deadline: float) -> bool:
        if deadline < table.floor(spot[0]) * DATE_SECONDS:
            return True
        return not self._never_cold and era.is_cold(wall, monotonic, deadline)

    def _overcome(self, hindrance: _Hindrance, table: Table) -> None:
        if hindrance is _Hindrance.MOVED:
            self._move(table)
        elif hindrance is _Hindrance.BUSY or not table.settle_era(self._clock, WAIT_SECONDS):
            raise _busy()

    def _move(self, table: Table) -> None:
        """Find the table anew, unless another thread has done so already."""
        with TABLES.lock:
            if self._closed:
                raise StoreError("the replay store is closed")
            if self._table is not table:
                return
            try:
                found = self._find_table()
            except ConfigurationError as error:
                raise StoreError(str(error)) from error
            self._table = found
            self._settle_boot()
            TABLES.leave(table)


def _is_retry(entry: tuple[int, int], peer: int, seconds: float, wall: float) -> bool:
    """Whether this very peer made the entry a moment ago, which its date tells where no clock was set since."""
    date, by = entry
    return peer == by != UNKNOWN and -TOLERANCE <= greatest_age(date, seconds, wall) < RETRY_SECONDS


def _out_of_range(seconds: float) -> ValueError:
    return ValueError(f"a claim is kept for more than 0 and at most {LONGEST_SECONDS} seconds, not {seconds}")


def _busy() -> StoreError:
    return StoreError(f"the replay store was locked by another worker for {WAIT_SECONDS} s")


def _unsettled() -> StoreError:
    return StoreError("the replay store was replaced, or its clock set, again and again during one claim")
