"""Any order of claims, clock steps, sleeps, boots, restarts and losses: no proof is accepted twice, nobody shut out."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mfa_middleware.replay import Outcome
from mfa_middleware.replay.shared import SharedStore
from tests.replay.clocks import HandClock
from tests.replay.ledger import Ledger, Proof
from tests.replay.using import key

_CAPACITY = 50
_OWNERS = (b"one", b"another", b"a third")
_PEERS = (b"", bytes([192, 0, 2, 1]), bytes(16))
_HOUR = 3600.0

owners = st.sampled_from(_OWNERS)
peers = st.sampled_from(_PEERS)
skews = st.one_of(st.floats(-5, 5), st.floats(-_HOUR, _HOUR))


class Replays(RuleBasedStateMachine):
    """Two workers with a guard each before a store with one stripe, whose clocks and file are played with."""

    boots = 0
    turn = 0

    @initialize(
        age=st.sampled_from([0.0, 30.0, 1000.0]),
        quota=st.sampled_from([5, 20, 1_000_000]),
        off=st.tuples(skews, skews, skews),
    )
    def begin(self, age: float, quota: int, off: tuple[float, float, float]) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.boot = self.directory / "boot_id"
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("mfa_middleware.replay.era._BOOT_ID", self.boot)
        self.boot.write_text("0")
        self.clock, self.quota = HandClock(), quota
        self.skews = dict(zip(_OWNERS, off, strict=True))
        self.proofs: list[tuple[Proof, bytes]] = []
        self.ledger = Ledger(self.clock, _CAPACITY, quota)
        self.workers = [self.open(), self.open()]
        self.clock.advance(age)

    def open(self) -> SharedStore:
        return SharedStore(
            app="model", capacity=_CAPACITY, quota=self.quota, directory=self.directory, clock=self.clock
        )

    @property
    def store(self) -> SharedStore:
        """The worker whose turn it is."""
        self.turn += 1
        return self.workers[self.turn % 2]

    def present(self, proof: Proof, peer: bytes) -> Outcome | None:
        """The answer of the store; None if the guard refused the proof before."""
        if not proof.fits(self.clock.wall()):
            return None
        epoch = self.store.state().epoch
        outcome = self.store.claim(proof.name, proof.owner, proof.seconds, proof.epoch, proof.deadline, peer)
        self.ledger.judge(proof, peer, epoch, outcome)
        return outcome

    def plain(self, owner: bytes, peer: bytes, ahead: float) -> Proof:
        proof = Proof(key(), owner, self.clock.wall() + ahead, None)
        self.proofs.append((proof, peer))
        return proof

    def nonced(self, owner: bytes, peer: bytes) -> Proof:
        proof = Proof(key(), owner, float(int(self.clock.wall())), self.store.state().epoch)
        self.proofs.append((proof, peer))
        return proof

    def set_clocks(self, wall: float, monotonic: float = 0.0) -> None:
        """What is set back on the monotonic clock, which a machine restored from a snapshot may do, is no time."""
        self.ledger.clock_is_about_to_be_set()
        self.clock.now += wall
        self.clock.running += monotonic
        back = min(0.0, monotonic)
        self.ledger.live = {name: (at, then + back) for name, (at, then) in self.ledger.live.items()}
        self.ledger.clock_was_set(wall - monotonic)
        self.store.state()

    @rule(owner=owners, peer=peers)
    def an_honest_machine_needs_one_nonce_at_most(self, owner: bytes, peer: bytes) -> None:
        """Its clock may be off. What else the store says has its reason, which the ledger knows."""
        outcome = self.present(self.plain(owner, peer, self.skews[owner]), peer)
        if outcome in (None, Outcome.COLD):
            outcome = self.present(self.nonced(owner, peer), peer)
        assert outcome in (Outcome.NEW, Outcome.FULL, Outcome.QUOTA)

    @rule(owner=owners, peer=peers, ahead=st.one_of(st.floats(-60, 15), st.floats(-_HOUR, _HOUR + 100)))
    def a_plain_proof(self, owner: bytes, peer: bytes, ahead: float) -> None:
        self.present(self.plain(owner, peer, ahead), peer)

    @rule(owner=owners, peer=peers)
    def a_nonce_for_later(self, owner: bytes, peer: bytes) -> None:
        self.nonced(owner, peer)

    @rule(data=st.data(), peer=peers)
    def a_captured_proof_comes_from_elsewhere(self, data: st.DataObject, peer: bytes) -> None:
        if self.proofs:
            self.present(data.draw(st.sampled_from(self.proofs))[0], peer)

    @rule(count=st.integers(1, 40), owner=st.one_of(st.none(), owners))
    def traffic(self, count: int, owner: bytes | None) -> None:
        """By one machine, or by many that have few proofs each."""
        for number in range(count):
            one = owner or b"of a crowd %d" % number
            self.present(Proof(key(), one, self.clock.wall(), None), b"")
            self.present(Proof(key(), one, float(int(self.clock.wall())), self.store.state().epoch), b"")

    @rule(owner=owners, peer=peers, ahead=st.floats(-20, 15), pauses=st.lists(st.floats(0.1, 9), max_size=20))
    def a_proof_is_replayed_for_as_long_as_it_lives(
        self, owner: bytes, peer: bytes, ahead: float, pauses: list[float]
    ) -> None:
        proofs = self.plain(owner, peer, ahead), self.nonced(owner, peer)
        for seconds in (0.0, *pauses):
            self.clock.advance(seconds)
            for proof in proofs:
                self.present(proof, peer)
                self.present(proof, _PEERS[1])
            self.no_live_entry_is_lost()

    @rule(seconds=st.one_of(st.floats(0, 200), st.sampled_from([1.0, 5.0, 12.0, 26.0, 89.5, 91.0, 153.0, 320.0])))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.one_of(st.floats(-_HOUR, _HOUR), st.sampled_from([-_HOUR, _HOUR, 0.9, -0.9, -60.0, 60.0])))
    def the_wall_clock_is_set(self, seconds: float) -> None:
        self.set_clocks(seconds)

    @rule(wall=st.floats(-_HOUR, _HOUR), monotonic=st.floats(-_HOUR, _HOUR), together=st.booleans())
    def both_clocks_jump(self, wall: float, monotonic: float, together: bool) -> None:
        monotonic = max(monotonic, 1.0 - self.clock.running)
        self.set_clocks(monotonic if together else wall, monotonic)

    @rule(data=st.data(), late=st.floats(-20, 80), wait=st.booleans())
    def the_time_of_a_captured_proof_comes(self, data: st.DataObject, late: float, wait: bool) -> None:
        if self.proofs:
            seconds = data.draw(st.sampled_from(self.proofs))[0].at + late - self.clock.wall()
            (self.clock.advance if wait and seconds > 0 else self.set_clocks)(seconds)

    @rule(age=st.floats(140, 300), before=st.floats(20, 300), late=st.floats(-15, 55))
    def a_proof_is_forgotten_and_its_time_comes_again(self, age: float, before: float, late: float) -> None:
        """Twice as much traffic as the table holds makes sure that it is overwritten."""
        self.store.state()
        self.clock.advance(26)
        self.a_plain_proof(b"forgotten", b"", 0.0)
        for _ in range(2):
            self.clock.advance(age)
            self.no_live_entry_is_lost()
            self.traffic(40, None)
        self.set_clocks(-2 * age - before)
        self.clock.advance(before + late)

    @rule(seconds=st.floats(0, _HOUR))
    def the_machine_sleeps(self, seconds: float) -> None:
        self.set_clocks(seconds)

    @rule(number=st.integers(0, 1))
    def a_worker_restarts(self, number: int) -> None:
        self.workers[number].close()
        self.workers[number] = self.open()

    @rule()
    def all_workers_restart(self) -> None:
        for worker in self.workers:
            worker.close()
        self.workers = [self.open(), self.open()]

    @rule(down=st.floats(0, 100), off=st.sampled_from([0.0, _HOUR, -_HOUR]))
    def the_machine_boots(self, down: float, off: float) -> None:
        for worker in self.workers:
            worker.close()
        self.boots += 1
        self.boot.write_text(str(self.boots))
        self.ledger.clock_is_about_to_be_set()
        self.clock.now, self.clock.running = self.clock.now + down + off, 2.0
        self.ledger.live = {name: (wall, 0.0) for name, (wall, _) in self.ledger.live.items()}
        self.ledger.clock_was_set()
        self.workers = [self.open(), self.open()]

    @rule(owner=owners, pause=st.floats(0, 60), restarts=st.booleans())
    def the_file_is_lost(self, owner: bytes, pause: float, restarts: bool) -> None:
        """What a wrong clock accepted from the future cannot be known any more, so no such proof is kept."""
        self.a_plain_proof(owner, b"", 0.0)
        self.store.path.unlink()
        self.proofs = [(proof, peer) for proof, peer in self.proofs if proof.at <= self.clock.wall() + 15]
        if restarts:
            self.all_workers_restart()
        self.store.state()
        self.ledger.file_is_new()
        self.clock.advance(pause)

    @invariant()
    def every_captured_proof_is_replayed_and_refused(self) -> None:
        for proof, peer in self.proofs[-60:]:
            self.present(proof, peer)

    @invariant()
    def no_live_entry_is_lost(self) -> None:
        epoch = self.store.state().epoch
        self.ledger.forget_what_ran_out()
        for name in self.ledger.live:
            assert self.store.claim(name, b"owner", 1.0, epoch, self.clock.wall()) is Outcome.SEEN

    @invariant()
    def both_workers_mint_the_same_nonces(self) -> None:
        assert self.workers[0].state() == self.workers[1].state()

    def teardown(self) -> None:
        for worker in self.workers:
            worker.close()
        self.patch.undo()
        shutil.rmtree(self.directory)


TestReplays = Replays.TestCase
TestReplays.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
