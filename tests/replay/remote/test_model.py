"""A store on a server under hosts whose clocks are off, lost memory and set clocks, in any order hypothesis finds.

No proof is accepted twice, and an honest machine is served after at most one nonce, or told a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome
from mfa_middleware.replay.remote.store import RemoteStore
from tests.helpers.valkey import Valkey
from tests.replay.clocks import START, HandClock
from tests.replay.remote.opening import app_name, keys_of, opened
from tests.replay.using import key

_OWNERS = [b"an owner", b"another one"]
_SKEW = st.floats(-5, 5)
_HOSTS = st.integers(0, 1)


@dataclass
class Proof:
    """`dated`: its iat, or when its nonce was minted; `epoch`: that of the nonce."""

    name: bytes
    owner: bytes
    dated: float
    epoch: bytes | None

    @property
    def deadline(self) -> float:
        return self.dated + (60 if self.epoch is None else 120)

    def passes(self, now: float, epoch: bytes) -> bool:
        """Whether a host with this clock, which knows this epoch, lets the proof come as far as the store."""
        if self.epoch is None:
            return -60 <= self.dated - now <= 15
        return self.epoch == epoch and -5 <= now - self.dated <= 120


def _may_go_wrong(model: RuleBasedStateMachine) -> bool:
    return bool(getattr(model, "mishaps", 0))


class Hosts(RuleBasedStateMachine):
    """Two hosts and their server. `true` is the time; the clocks of all three may be off.

    A run has few mishaps, so that there is time between them in which something could be forgotten.
    """

    server: ClassVar[Valkey]

    @initialize(skews=st.tuples(_SKEW, _SKEW, _SKEW), mishaps=st.integers(0, 3))
    def begin(self, skews: tuple[float, float, float], mishaps: int) -> None:
        self.mishaps = mishaps
        self.app, self.true, self.server_skew = app_name(), START, skews[2]
        self.clocks = [HandClock(START + skew) for skew in skews[:2]]
        self.used: list[Proof] = []
        self.server.ask("SET", f"{keys_of(self.app)[0]}:offset", "0")
        self.stores: list[RemoteStore] = []
        for clock in self.clocks:
            self._set_server(clock)
            self.stores.append(opened(self.server, clock, app=self.app))

    def teardown(self) -> None:
        for store in getattr(self, "stores", []):
            store.close()

    def _set_server(self, clock: HandClock) -> None:
        self.server.ask("SET", f"{keys_of(self.app)[0]}:offset", repr(self.true + self.server_skew - clock.wall()))

    def _epoch(self, host: int) -> bytes:
        """The epoch for nonces, asked for as if the last answer were old."""
        self._set_server(self.clocks[host])
        store = self.stores[host]
        store._shards[0]._heard = float("-inf")
        return store.refresh().epoch

    def _claim(self, host: int, proof: Proof) -> Outcome | None:
        """The outcome; None where the server will not judge, because the clocks are too far apart."""
        self._set_server(self.clocks[host])
        seconds = 90.0 if proof.epoch is None else 135.0
        try:
            return self.stores[host].claim(proof.name, proof.owner, seconds, proof.epoch, proof.deadline)
        except StoreError:
            assert abs(self.true + self.server_skew - self.clocks[host].wall()) > 9.9
            return None

    @rule(seconds=st.one_of(st.sampled_from([5.0, 25.0, 60.0]), st.floats(0, 200)))
    def time_passes(self, seconds: float) -> None:
        self.true += seconds
        for clock in self.clocks:
            clock.advance(seconds)

    @rule(host=_HOSTS, owner=st.sampled_from(_OWNERS), ahead=st.one_of(st.just(14.5), st.floats(-70, 20)))
    def a_proof_without_a_nonce(self, host: int, owner: bytes, ahead: float) -> None:
        proof = Proof(key(), owner, self.true + ahead, None)
        if proof.passes(self.clocks[host].wall(), b"") and self._claim(host, proof) is Outcome.NEW:
            self.used.append(proof)

    @rule(host=_HOSTS, owner=st.sampled_from(_OWNERS))
    def an_honest_machine(self, host: int, owner: bytes) -> None:
        proof = Proof(key(), owner, self.true, None)
        outcome = self._claim(host, proof)
        assert outcome in (Outcome.NEW, Outcome.COLD, None)
        if outcome is Outcome.COLD:
            proof = Proof(proof.name, owner, float(int(self.clocks[host].wall())), self.stores[host].state().epoch)
            assert self._claim(host, proof) is Outcome.NEW
        if outcome is not None:
            self.used.append(proof)

    @precondition(lambda self: self.used)
    @rule(host=_HOSTS)
    def a_thief(self, host: int) -> None:
        """Has every proof that was accepted of late, and sends it again wherever it would come as far as the store."""
        try:
            epoch = self._epoch(host)
        except StoreError:
            return
        for proof in self.used[-20:]:
            if proof.passes(self.clocks[host].wall(), epoch):
                assert self._claim(host, proof) is not Outcome.NEW

    @precondition(_may_go_wrong)
    @rule()
    def the_server_loses_its_memory(self) -> None:
        self.mishaps -= 1
        self.server.ask("DEL", *keys_of(self.app))

    @precondition(_may_go_wrong)
    @rule(window=st.integers(1, 8))
    def the_server_loses_a_window(self, window: int) -> None:
        self.mishaps -= 1
        self.server.ask("DEL", keys_of(self.app)[window])

    @precondition(_may_go_wrong)
    @rule()
    def the_server_runs_anew(self) -> None:
        """From what it saved some time ago: the last entries are missing."""
        self.mishaps -= 1
        lost = [proof.name for proof in self.used[-5:]]
        for window in keys_of(self.app)[1:] if lost else ():
            self.server.ask("HDEL", window, *(name.decode() for name in lost))
        self.server.ask("HSET", keys_of(self.app)[0], "server", "of another run")

    @precondition(_may_go_wrong)
    @rule(skew=st.one_of(_SKEW, st.floats(-3600, 3600)))
    def the_clock_of_the_server_is_set(self, skew: float) -> None:
        self.mishaps -= 1
        self.server_skew = skew

    @precondition(_may_go_wrong)
    @rule(host=_HOSTS, skew=_SKEW)
    def the_clock_of_a_host_is_set(self, host: int, skew: float) -> None:
        self.mishaps -= 1
        self.clocks[host].step(self.true + skew - self.clocks[host].wall())


@pytest.mark.parametrize("examples", [60])
def test_no_proof_counts_twice(calm_valkey: Valkey, examples: int) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    Hosts.server = calm_valkey
    run_state_machine_as_test(
        Hosts,
        settings=settings(
            max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
