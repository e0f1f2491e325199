"""What was accepted so far, and whether the answer of a store to one more claim has its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mfa_middleware.replay import Outcome
from mfa_middleware.replay.base import WINDOW_SECONDS
from tests.replay.clocks import HandClock

LEAST_SHARE = 6  # halvings of a quota, until a store is full


@dataclass(frozen=True)
class Proof:
    """What a guard knows of a proof. `at`: its `iat`, or when its nonce was minted."""

    name: bytes
    owner: bytes
    at: float
    epoch: bytes | None

    @property
    def seconds(self) -> float:
        return 90.0 if self.epoch is None else 135.0

    @property
    def deadline(self) -> float:
        return self.at + (60.0 if self.epoch is None else 120.0)

    def fits(self, now: float) -> bool:
        """Whether a guard would ask the store."""
        return now - 60 <= self.at <= now + 15 if self.epoch is None else -5 <= now - self.at <= 120


@dataclass(frozen=True)
class Use:
    """One that was accepted: by whom, from where, when; `stretch`: between which settings of a clock, `era`: steps."""

    owner: bytes
    peer: bytes
    at: float
    stretch: int
    era: int


class Ledger:
    """`live`: until which readings of both clocks the store must know a proof."""

    def __init__(self, clock: HandClock, capacity: int, quota: int) -> None:
        self._clock, self._capacity, self._quota = clock, capacity, quota
        self._uses: dict[bytes, Use] = {}
        self.live: dict[bytes, tuple[float, float]] = {}
        self._stretch = self._era = 0
        self.file_is_new()

    def file_is_new(self) -> None:
        """Nothing is remembered but by this ledger."""
        self.live, self._in_file, self._peak = {}, list[Use](), self._clock.wall()
        self.clock_was_set()
        self._held = -math.inf

    def clock_was_set(self, seconds: float = math.inf) -> None:
        """The store has to find its way again, if its clocks are now so far off."""
        self._stretch += 1
        self._is_step = abs(seconds) > 2
        self._era += self._is_step
        self._peak, self._calm = max(self._peak, self._clock.wall()), self._clock.monotonic()
        self._held = self._calm + 160

    def clock_is_about_to_be_set(self) -> None:
        self._peak = max(self._peak, self._clock.wall())

    def forget_what_ran_out(self) -> None:
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        self.live = {name: at for name, at in self.live.items() if wall < at[0] or monotonic < at[1]}

    def judge(self, proof: Proof, peer: bytes, epoch: bytes, outcome: Outcome) -> None:
        """Whether this is the answer that the contract allows; `epoch`: that of the store."""
        if outcome in (Outcome.NEW, Outcome.QUOTA, Outcome.FULL):
            assert proof.name not in self._uses, "accepted twice, or would have been if there were room"
        assert getattr(self, f"_may_be_{outcome.value}")(proof, peer, epoch), (outcome, proof)

    def _may_be_new(self, proof: Proof, peer: bytes, _: bytes) -> bool:
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        use = Use(proof.owner, peer, monotonic, self._stretch, self._era)
        self._uses[proof.name] = use
        self._in_file.append(use)
        self.live[proof.name] = wall + proof.seconds, monotonic + proof.seconds
        return self._count(proof.owner, 90.0, disturbed=False) <= self._quota

    def _may_be_seen(self, proof: Proof, peer: bytes, _: bytes) -> bool:
        use, now = self._uses.get(proof.name), self._clock.monotonic()
        if use is None:
            return False
        is_retry = use.peer == peer != b"" and use.stretch == self._stretch and now - use.at <= 7.9
        return not (is_retry and now >= self._held)

    def _may_be_retried(self, proof: Proof, peer: bytes, _: bytes) -> bool:
        use, drift = self._uses[proof.name], 2.0
        within = 10.0 + drift * (use.stretch != self._stretch)
        return use.peer == peer != b"" and use.era == self._era and self._clock.monotonic() - use.at < within

    def _may_be_quota(self, proof: Proof, _: bytes, __: bytes) -> bool:
        return self._count(proof.owner, 2 * WINDOW_SECONDS, disturbed=True) >= max(1, self._quota >> LEAST_SHARE)

    def _count(self, owner: bytes, seconds: float, *, disturbed: bool) -> int:
        """How many of an owner were accepted of late; where a clock was set since, that cannot be known."""
        since = self._clock.monotonic() - seconds
        mine = [use for use in self._in_file if use.owner == owner]
        return sum(use.at >= since if use.stretch == self._stretch else disturbed for use in mine)

    def _may_be_full(self, *_: object) -> bool:
        return len(self._in_file) >= self._capacity

    def _may_be_stale(self, proof: Proof, *_: object) -> bool:
        return proof.deadline < self._clock.wall()

    def _may_be_cold(self, proof: Proof, _: bytes, epoch: bytes) -> bool:
        if proof.epoch is not None:
            return proof.epoch != epoch
        if not self._is_step:  # so small a step may still become one, by rounding or with the next
            return True
        return self._clock.monotonic() - self._calm < 26 or proof.deadline < self._peak + 90
