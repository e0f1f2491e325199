"""What requests are told while the replay store is away, by policy and by path."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code, StoreError
from mfa_middleware.events import Event
from mfa_middleware.replay import Outcome, StoreState
from mfa_middleware.route import PROTECTED, required
from mfa_middleware.service import Service
from tests.helpers.bench import NOW, ORIGIN, Bench
from tests.helpers.keys import key_for
from tests.helpers.valkey import Valkey, running

PATH = "/orders/1"


class LosableStore:
    """Answers, until it is lost; it still knows the state then, as a store does that has answered before."""

    scheme, blocking, shared_by = "valkey", False, "cluster"

    def __init__(self) -> None:
        self.lost = False
        self._used: set[bytes] = set()

    def state(self, owner: bytes = b"") -> StoreState:
        return StoreState(b"e" * 16, b"s" * 32)

    def refresh(self, owner: bytes = b"") -> StoreState:
        self._answer()
        return self.state(owner)

    async def refresh_async(self, owner: bytes = b"") -> StoreState:
        return self.refresh(owner)

    def claim(self, key: bytes, *_: object) -> Outcome:
        self._answer()
        if key in self._used:
            return Outcome.SEEN
        self._used.add(key)
        return Outcome.NEW

    async def claim_async(self, key: bytes, *_: object) -> Outcome:
        return self.claim(key)

    def close(self) -> None:
        self.lost = True

    def _answer(self) -> None:
        if self.lost:
            raise StoreError("the replay store does not answer")


def _bench(**settings: object) -> tuple[Bench, LosableStore]:
    store = LosableStore()
    return Bench(store=store, **settings), store  # type: ignore[arg-type]


def _event(bench: Bench, decision: Decision) -> tuple[str, int, str | None, str]:
    event = decision.event(bench.request(), NOW)
    return event.kind, event.level, event.code, event.detail


def test_by_default_nothing_is_accepted() -> None:
    bench, store = _bench()
    store.lost = True
    decision = bench.check()
    assert not decision.allowed
    assert decision.refusal is not None
    assert decision.refusal.code is Code.STORE_UNAVAILABLE
    store.lost = False
    assert bench.code() is None


def test_with_a_nonce_neither() -> None:
    bench, store = _bench()
    nonce = bench.nonces.mint(bench.key.thumbprint, NOW)
    store.lost = True
    assert bench.code(bench.proof(nonce=nonce)) is Code.STORE_UNAVAILABLE


def test_who_would_be_given_a_nonce_is_told_that_the_store_is_away() -> None:
    bench, store = _bench(nonce="required")
    store.lost = True
    assert bench.code() is Code.STORE_UNAVAILABLE


class TestReplaysAccepted:
    """MFA_ACCEPT_REPLAYS_DURING_OUTAGE."""

    def test_a_path_that_is_named_is_open_and_each_request_is_told(self) -> None:
        bench, store = _bench(accept_replays_during_outage=PATH)
        proof = bench.proof()
        assert bench.code(proof) is None
        assert bench.code(proof) is Code.REPLAYED
        store.lost = True
        decision = bench.check(proof)
        assert decision.allowed
        assert decision.machine == bench.machine
        kind, level, code, detail = _event(bench, decision)
        assert (kind, level, code) == ("accepted_unchecked", logging.ERROR, None)
        assert "MFA_ACCEPT_REPLAYS_DURING_OUTAGE" in detail
        assert "does not answer" in detail
        store.lost = False
        assert bench.code(proof) is Code.REPLAYED

    @pytest.mark.parametrize(
        "path", ["/orders/2", "/orders/1/", "/orders", "//orders/1", "/x/../orders/1", "/orders%2F1"]
    )
    def test_no_other_path_is(self, path: str) -> None:
        bench, store = _bench(accept_replays_during_outage=PATH)
        store.lost = True
        proof = bench.proof(htu=ORIGIN + path)
        assert bench.code(proof, raw_path=path, routed_path=path) is Code.STORE_UNAVAILABLE

    def test_a_path_that_is_only_routed_there_is_not(self) -> None:
        bench, store = _bench(accept_replays_during_outage=PATH)
        store.lost = True
        proof = bench.proof(htu=f"{ORIGIN}/%6frders/1")
        assert bench.code(proof, raw_path="/%6frders/1", routed_path=PATH) is Code.STORE_UNAVAILABLE

    def test_every_other_check_holds(self) -> None:
        bench, store = _bench(accept_replays_during_outage=PATH)
        store.lost = True
        assert bench.code(bench.proof(iat=NOW - 61)) in (Code.STORE_UNAVAILABLE, Code.USE_DPOP_NONCE)
        assert bench.code(bench.proof(htm="POST")) is Code.WRONG_TARGET
        assert bench.code(bench.proof(key=key_for("Ed25519"))) is Code.UNKNOWN_MACHINE
        assert bench.code(bench.proof(ath="x" * 43)) is Code.WRONG_BINDING
        assert bench.code(route=required(scopes="orders:write")) is Code.SCOPE_DENIED

    def test_a_scope_that_is_asked_for_later_holds_as_well(self) -> None:
        bench, store = _bench(accept_replays_during_outage=PATH)
        store.lost = True
        tightened = bench.guard.tighten(bench.check(), required(scopes="orders:write"))
        assert not tightened.allowed
        assert _event(bench, tightened)[2] == Code.SCOPE_DENIED

    def test_a_nonce_that_was_given_before_counts(self) -> None:
        bench, store = _bench(accept_replays_during_outage=PATH, nonce="required")
        nonce = bench.nonces.mint(bench.key.thumbprint, NOW)
        store.lost = True
        assert bench.code(bench.proof(nonce=nonce)) is None
        assert bench.code(bench.proof(nonce="A" * 32)) is Code.STORE_UNAVAILABLE


def test_a_share_that_is_not_known_is_enforced() -> None:
    """`enforce:N%` without MFA_SECRET draws lots with the store's secret: without it, nobody is let off."""
    bench, store = _bench(mode="enforce:1%")

    def unknown(owner: bytes = b"") -> StoreState:
        raise StoreError("the replay store has not answered yet")

    store.state = unknown  # type: ignore[method-assign]
    store.lost = True
    bench.guard = type(bench.guard)(bench.settings, store.state, bench.clock)
    assert bench.code() is Code.STORE_UNAVAILABLE


class TestStart:
    @staticmethod
    def _events(valkey: Valkey, **settings: str) -> list[Event]:
        events: list[Event] = []
        login = f"valkey://mfa:hunter2@127.0.0.1:{valkey.port}"
        valkey.ask("ACL", "SETUSER", "mfa", "on", ">hunter2", "~*", "+@all")
        bench = Bench(replay_store=login, app=f"start-{os.getpid()}", store_timeout="5", **settings)
        assert "hunter2" not in repr(bench.settings)
        service = Service(bench.settings, registry=bench.registry, on_event=events.append)
        service.close()
        return events

    def test_it_is_told_which_store_there_is_and_what_happens_without_it(self, valkey: Valkey) -> None:
        (event,) = self._events(valkey)
        assert f"valkey://...@127.0.0.1:{valkey.port}" in event.detail
        assert "shared by all hosts" in event.detail
        assert "while it is away: every request is answered 503" in event.detail
        assert "hunter2" not in event.to_json()

    def test_what_is_dangerous_is_a_warning_of_its_own(self, valkey: Valkey) -> None:
        _, danger = self._events(valkey, accept_replays_during_outage=PATH)
        assert (danger.kind, danger.level) == ("danger", logging.WARNING)
        assert PATH in danger.detail

    def test_a_store_that_cannot_be_reached_is_told_as_well(self, valkey: Valkey) -> None:
        bench, events = Bench(replay_store=valkey.url, app=f"start-{os.getpid()}"), list[Event]()
        valkey.stop()
        service = Service(bench.settings, registry=bench.registry, on_event=events.append)
        assert [event.kind for event in events] == ["store_lost", "started"]
        assert service.decide(bench.request(bench.proof()), PROTECTED, lambda _: b"").allowed is False
        service.close()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with running(tmp_path / "valkey") as server:
        yield server
