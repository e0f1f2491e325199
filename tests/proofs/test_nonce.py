"""Nonces of this server (RFC 9449 8, 9) in the three modes, and what time and the store's life do to them."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code
from mfa_middleware.proofs.nonce import LIFE
from mfa_middleware.replay import StoreState
from mfa_middleware.route import required
from mfa_middleware.steps import Claim, FindState, ReadBody
from tests.helpers.bench import NOW, Bench, Nonces, machine_of
from tests.helpers.keys import key_for, new_ec
from tests.helpers.proofs import content_digest

STATE = StoreState(epoch=b"e" * 16, secret=b"s" * 32)
THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def mint(state: StoreState = STATE, secret: bytes | None = None) -> Nonces:
    return Nonces(lambda: state, secret)


def nonce_given(decision: Decision) -> str:
    assert decision.refusal is not None
    assert decision.refusal.code is Code.USE_DPOP_NONCE
    assert decision.nonce is not None
    return decision.nonce


class TestMint:
    def test_a_nonce_tells_when_and_in_which_epoch_it_was_minted(self) -> None:
        issued = mint().issued(mint().mint(THUMBPRINT, NOW + 0.9), THUMBPRINT, NOW + 1)
        assert issued == (NOW, STATE.epoch)

    @pytest.mark.parametrize(
        ("age", "good"), [(0, True), (60, True), (120, True), (120.001, False), (121, False), (-5, True), (-5.1, False)]
    )
    def test_it_is_good_for_120_s(self, age: float, good: bool) -> None:
        assert (mint().issued(mint().mint(THUMBPRINT, NOW), THUMBPRINT, NOW + age) is not None) is good

    def test_it_is_of_one_machine_one_epoch_and_one_key(self) -> None:
        nonce = mint().mint(THUMBPRINT, NOW)
        assert mint().issued(nonce, THUMBPRINT[:-1] + "J", NOW) is None
        assert mint(StoreState(b"f" * 16, STATE.secret)).issued(nonce, THUMBPRINT, NOW) is None
        assert mint(StoreState(STATE.epoch, b"t" * 32)).issued(nonce, THUMBPRINT, NOW) is None
        assert mint(secret=b"x" * 32).issued(nonce, THUMBPRINT, NOW) is None
        assert mint().issued(nonce, THUMBPRINT, NOW) is not None

    def test_with_a_secret_of_the_operator_hosts_agree_where_their_epoch_is_one(self) -> None:
        one, other = mint(secret=b"x" * 32), mint(StoreState(STATE.epoch, b"t" * 32), b"x" * 32)
        assert other.issued(one.mint(THUMBPRINT, NOW), THUMBPRINT, NOW) is not None

    def test_no_changed_character_is_accepted(self) -> None:
        nonce = mint().mint(THUMBPRINT, NOW)
        for position, char in enumerate(nonce):
            other = nonce[:position] + ("A" if char != "A" else "B") + nonce[position + 1 :]
            assert mint().issued(other, THUMBPRINT, NOW) is None

    @pytest.mark.parametrize(
        "nonce",
        [None, "", "x", 1, True, [], {}, "A" * 31, "A" * 32, "A" * 33, "é" * 32, "A" * 31 + "=", "A" * 5000, b"A" * 32],
    )
    def test_junk_is_none(self, nonce: object) -> None:
        assert mint().issued(nonce, THUMBPRINT, NOW) is None

    @pytest.mark.parametrize("clock", [0.0, 1.5, 2.0**40])
    def test_any_clock_can_mint(self, clock: float) -> None:
        assert mint().issued(mint().mint(THUMBPRINT, clock), THUMBPRINT, clock) is not None

    def test_a_time_that_is_out_of_range_is_none(self) -> None:
        assert mint().issued(urlsafe_b64encode(b"\xff" * 24).decode(), THUMBPRINT, NOW) is None

    def test_two_machines_get_different_nonces(self) -> None:
        assert mint().mint(THUMBPRINT, NOW) != mint().mint(THUMBPRINT[::-1], NOW)


class TestOff:
    def test_a_proof_out_of_time_is_stale_and_gets_no_nonce(self) -> None:
        bench = Bench(nonce="off")
        decision = bench.check(bench.proof(iat=NOW - 61))
        assert decision.refusal is not None
        assert decision.refusal.code is Code.STALE_PROOF
        assert decision.nonce is None

    def test_iat_is_compared_with_and_without_a_nonce(self) -> None:
        bench = Bench(nonce="off")
        nonce = bench.nonces.mint(bench.key.thumbprint, NOW)
        assert bench.code(bench.proof(nonce=nonce)) is None
        assert bench.code(bench.proof(nonce=nonce, iat=NOW - 61)) is Code.STALE_PROOF
        assert bench.code(bench.proof(nonce="of another server")) is None

    def test_a_route_may_still_demand_one(self) -> None:
        bench = Bench(nonce="off")
        nonce = nonce_given(bench.check(route=required(nonce=True)))
        assert bench.code(bench.proof(nonce=nonce), route=required(nonce=True)) is None

    def test_a_cold_store_cannot_be_recovered_from(self) -> None:
        bench = Bench(nonce="off", never_cold=False)
        assert bench.code() is Code.STORE_UNAVAILABLE
        bench.clock.advance(26)
        assert bench.code() is None


class TestRecover:
    @pytest.mark.parametrize("offset", [-61, -3600, 16, 3600, -NOW])
    def test_a_proof_out_of_time_on_either_side_gets_a_nonce_and_its_offset(self, offset: float) -> None:
        bench = Bench()
        decision = bench.check(bench.proof(iat=NOW + offset))
        assert decision.refusal is not None
        assert decision.refusal.hints["clock_offset"] == -offset
        assert bench.code(bench.proof(iat=NOW + offset, nonce=nonce_given(decision))) is None

    def test_a_proof_in_time_needs_none(self) -> None:
        decision = Bench().check()
        assert decision.refusal is None
        assert decision.nonce is None
        assert not decision.facts.nonce

    def test_a_cold_store_gives_one(self) -> None:
        bench = Bench(never_cold=False)
        proof = bench.proof()
        nonce = nonce_given(bench.check(proof))
        assert bench.code(proof) is Code.USE_DPOP_NONCE
        assert bench.code(bench.proof(nonce=nonce)) is None
        bench.clock.advance(26)
        assert bench.code() is None

    def test_one_nonce_serves_many_proofs_and_each_proof_once(self) -> None:
        bench = Bench()
        nonce = bench.nonces.mint(bench.key.thumbprint, NOW)
        proofs = [bench.proof(nonce=nonce) for _ in range(3)]
        assert [bench.code(proof) for proof in proofs * 2] == [None] * 3 + [Code.REPLAYED] * 3

    @pytest.mark.parametrize("nonce", ["", "x", 1, None, ["a"], "A" * 32])
    def test_a_nonce_that_is_not_ours_is_answered_with_one_that_is(self, nonce: object) -> None:
        bench = Bench()
        if nonce is None:
            assert bench.code(bench.proof(nonce=None)) is None
        else:
            nonce_given(bench.check(bench.proof(nonce=nonce)))

    def test_a_captured_proof_of_a_fast_clock_is_not_accepted_again_when_its_time_has_come(self) -> None:
        """With its nonce the proof was accepted an hour before its iat; the store has long forgotten it by then."""
        bench = Bench()
        proof = bench.proof(iat=NOW + 3_600, nonce=bench.nonces.mint(bench.key.thumbprint, NOW))
        assert bench.code(proof) is None
        for _ in range(30):
            bench.clock.advance(120)
            assert bench.code(proof) in (Code.REPLAYED, Code.USE_DPOP_NONCE)
        bench.clock.advance(10)
        assert bench.clock.wall() > NOW + 3_600
        assert bench.code(proof) is Code.USE_DPOP_NONCE


class TestRequired:
    def test_every_proof_needs_one(self) -> None:
        bench = Bench(nonce="required")
        nonce = nonce_given(bench.check())
        assert bench.code(bench.proof(nonce=nonce)) is None
        assert bench.code() is Code.USE_DPOP_NONCE

    def test_iat_is_not_compared(self) -> None:
        bench = Bench(nonce="required")
        nonce = bench.nonces.mint(bench.key.thumbprint, NOW)
        assert bench.code(bench.proof(nonce=nonce, iat=0)) is None
        assert bench.code(bench.proof(nonce=nonce, iat=2**52)) is None

    def test_a_caller_whose_signature_is_bad_gets_none(self) -> None:
        bench = Bench(nonce="required")
        proof = bench.proof()
        decision = bench.check(proof[:-8] + b"AAAAAAAA")
        assert decision.refusal is not None
        assert decision.refusal.code is Code.BAD_SIGNATURE
        assert decision.nonce is None

    def test_a_stranger_gets_none(self) -> None:
        bench = Bench(nonce="required")
        decision = bench.check(bench.proof(key=new_ec()))
        assert decision.refusal is not None
        assert decision.refusal.code is Code.UNKNOWN_MACHINE
        assert decision.nonce is None


class TestOtherNonces:
    def test_the_nonce_of_another_machine_is_not_accepted(self) -> None:
        bench, other = Bench(nonce="required"), key_for("Ed25519")
        bench.registry.machines[other.thumbprint] = machine_of(other, id="other")
        nonce = bench.nonces.mint(other.thumbprint, NOW)
        assert bench.code(bench.proof(nonce=nonce)) is Code.USE_DPOP_NONCE
        assert bench.code(bench.proof(nonce=nonce, key=other)) is None

    def test_the_nonce_of_an_earlier_epoch_is_not_accepted(self) -> None:
        before, bench = Bench(), Bench()
        nonce = before.nonces.mint(bench.key.thumbprint, NOW)
        assert before.code(before.proof(nonce=nonce)) is None
        assert bench.code(bench.proof(nonce=nonce)) is Code.USE_DPOP_NONCE

    def test_an_old_nonce_is_not_accepted(self) -> None:
        bench = Bench(nonce="required")
        nonce = bench.nonces.mint(bench.key.thumbprint, NOW)
        bench.clock.advance(120)
        assert bench.code(bench.proof(nonce=nonce)) is None
        bench.clock.advance(0.1)
        assert bench.code(bench.proof(nonce=nonce)) is Code.USE_DPOP_NONCE

    def test_a_forged_nonce_is_not_accepted(self) -> None:
        bench = Bench(nonce="required")
        forged = Nonces(lambda: StoreState(bench.store.state().epoch, b"guess" * 8))
        assert bench.code(bench.proof(nonce=forged.mint(bench.key.thumbprint, NOW))) is Code.USE_DPOP_NONCE


class TestRenewal:
    @pytest.mark.parametrize(("age", "renewed"), [(0, False), (60, False), (60.5, True), (119, True)])
    def test_an_accepted_answer_carries_a_new_one_past_half_its_life(self, age: float, renewed: bool) -> None:
        bench = Bench()
        nonce = bench.nonces.mint(bench.key.thumbprint, NOW)
        bench.clock.advance(age)
        decision = bench.check(bench.proof(nonce=nonce))
        assert decision.refusal is None
        assert (decision.nonce is not None) is renewed
        if decision.nonce is not None:
            bench.clock.advance(LIFE - 1)
            assert bench.code(bench.proof(nonce=decision.nonce)) is None


def test_a_claim_is_made_in_the_epoch_in_which_the_nonce_was_verified() -> None:
    """The store is replaced while the body of a replay trickles in: what it forgot must not be accepted."""
    bench = Bench()
    state = bench.store.state()
    nonce = bench.nonces.mint(bench.key.thumbprint, NOW)
    check = bench.guard.check(bench.request(bench.proof(nonce=nonce, htd=content_digest(b"body"))))
    check.send(None)
    assert isinstance(check.send(bench.machine), FindState)
    assert isinstance(check.send(state), ReadBody)
    check.send(b"body")
    claim = check.send(bench.machine)
    assert isinstance(claim, Claim)
    assert claim.epoch == state.epoch
    check.close()
