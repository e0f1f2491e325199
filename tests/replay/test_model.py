"""Any order of claims, clock steps, sleeps, boots, restarts and losses: no proof is accepted twice, nobody shut out."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mfa_middleware.replay import Outcome
from mfa_middleware.replay.shared import SharedStore
from tests.replay.clocks import HandClock
from tests.replay.using import key

_MANY = 100_000


@dataclass(frozen=True)
class Proof:
    """What a guard knows of a proof. `at`: its `iat`, or when its nonce was minted."""

    name: bytes
    at: float
    epoch: bytes | None


class Replays(RuleBasedStateMachine):
    """A guard before a store with one stripe, whose clocks and file are played with."""

    boots = 0

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.boot = self.directory / "boot_id"
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("mfa_middleware.replay.era._BOOT_ID", self.boot)
        self.boot.write_text("0")
        self.clock = HandClock()
        self.proofs: list[Proof] = []
        self.accepted: set[bytes] = set()
        self.live: dict[bytes, tuple[float, float]] = {}
        self.store = self.open()

    def open(self) -> SharedStore:
        return SharedStore(app="model", capacity=50, quota=_MANY, directory=self.directory, clock=self.clock)

    def present(self, proof: Proof) -> Outcome | None:
        """The answer of the store; None if the guard refused the proof before."""
        now = self.clock.wall()
        if proof.epoch is None:
            fits, seconds, deadline = now - 60 <= proof.at <= now + 15, 90.0, proof.at + 60
        else:
            fits, seconds, deadline = -5 <= now - proof.at <= 120, 135.0, proof.at + 120
        if not fits:
            return None
        outcome = self.store.claim(proof.name, b"owner", seconds, proof.epoch, deadline)
        if outcome is Outcome.NEW:
            assert proof.name not in self.accepted, "accepted twice"
            self.accepted.add(proof.name)
            self.live[proof.name] = now + seconds, self.clock.monotonic() + seconds
        return outcome

    def with_nonce(self) -> Proof:
        proof = Proof(key(), float(int(self.clock.wall())), self.store.state().epoch)
        self.proofs.append(proof)
        return proof

    @initialize(age=st.sampled_from([0.0, 30.0, 1000.0]))
    def the_store_is_cold_or_warm(self, age: float) -> None:
        self.clock.advance(age)

    @rule(ahead=st.floats(-60, 15))
    def a_plain_proof(self, ahead: float) -> None:
        self.proofs.append(Proof(key(), self.clock.wall() + ahead, None))
        self.present(self.proofs[-1])

    @rule(ahead=st.floats(-3600, 3700))
    def a_plain_proof_for_later(self, ahead: float) -> None:
        self.proofs.append(Proof(key(), self.clock.wall() + ahead, None))

    @rule()
    def an_honest_machine_needs_one_nonce(self) -> None:
        assert self.present(self.with_nonce()) in (Outcome.NEW, Outcome.FULL)

    @rule()
    def a_nonce_for_later(self) -> None:
        self.with_nonce()

    @rule(count=st.integers(1, 40))
    def traffic(self, count: int) -> None:
        for _ in range(count):
            self.present(Proof(key(), self.clock.wall(), None))
            self.present(Proof(key(), float(int(self.clock.wall())), self.store.state().epoch))

    @rule(seconds=st.one_of(st.floats(0, 200), st.sampled_from([1.0, 26.0, 40.0, 91.0, 153.0])))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.one_of(st.floats(-3600, 3600), st.sampled_from([-3600.0, 3600.0, 0.9, -0.9, -60.0, 60.0])))
    def the_clock_is_set(self, seconds: float) -> None:
        self.clock.step(seconds)

    @rule(data=st.data(), late=st.floats(-20, 80), wait=st.booleans())
    def the_time_of_a_captured_proof_comes(self, data: st.DataObject, late: float, wait: bool) -> None:
        if self.proofs:
            seconds = data.draw(st.sampled_from(self.proofs)).at + late - self.clock.wall()
            (self.clock.advance if wait and seconds > 0 else self.clock.step)(seconds)

    @rule(age=st.floats(140, 300), before=st.floats(20, 300), late=st.floats(-15, 55))
    def a_proof_is_forgotten_and_its_time_comes_again(self, age: float, before: float, late: float) -> None:
        """Twice as much traffic as the table holds makes sure that it is overwritten."""
        self.store.state()
        self.clock.advance(26)
        self.a_plain_proof(0.0)
        for _ in range(2):
            self.clock.advance(age)
            self.no_live_entry_is_lost()
            self.traffic(40)
        self.clock.step(-2 * age - before)
        self.store.state()
        self.clock.advance(before + late)

    @rule(seconds=st.floats(0, 3600))
    def the_machine_sleeps(self, seconds: float) -> None:
        self.clock.suspend(seconds)

    @rule()
    def all_workers_restart(self) -> None:
        self.store.close()
        self.store = self.open()

    @rule(down=st.floats(0, 100), off=st.sampled_from([0.0, 3600.0, -3600.0]))
    def the_machine_boots(self, down: float, off: float) -> None:
        self.store.close()
        self.boots += 1
        self.boot.write_text(str(self.boots))
        self.clock.now, self.clock.running = self.clock.now + down + off, 2.0
        self.live = {name: (wall, 0.0) for name, (wall, _) in self.live.items()}
        self.store = self.open()

    @rule(pause=st.floats(0, 60))
    def a_proof_is_used_and_the_file_is_lost(self, pause: float) -> None:
        self.a_plain_proof(0.0)
        self.the_file_is_lost(restarts=False)
        self.clock.advance(pause)

    @rule(restarts=st.booleans())
    def the_file_is_lost(self, restarts: bool) -> None:
        """What a wrong clock accepted from the future cannot be known any more, so no such proof is kept."""
        self.store.path.unlink()
        self.proofs = [proof for proof in self.proofs if proof.at <= self.clock.wall() + 15]
        self.live = {}
        if restarts:
            self.all_workers_restart()
        self.store.state()

    @invariant()
    def every_captured_proof_is_replayed_and_refused(self) -> None:
        for proof in self.proofs[-60:]:
            self.present(proof)

    @invariant()
    def no_live_entry_is_lost(self) -> None:
        wall, monotonic = self.clock.wall(), self.clock.monotonic()
        epoch = self.store.state().epoch
        self.live = {name: at for name, at in self.live.items() if wall < at[0] or monotonic < at[1]}
        for name in self.live:
            assert self.store.claim(name, b"owner", 1.0, epoch, wall) is Outcome.SEEN

    def teardown(self) -> None:
        self.store.close()
        self.patch.undo()
        shutil.rmtree(self.directory)


TestReplays = Replays.TestCase
TestReplays.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
