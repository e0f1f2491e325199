"""What requests are told while the replay store is away, by policy and by path."""

from __future__ import annotations

import logging

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code, StoreError
from mfa_middleware.replay import Outcome, StoreState
from mfa_middleware.route import required
from tests.helpers.bench import NOW, ORIGIN, Bench
from tests.helpers.keys import key_for

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
