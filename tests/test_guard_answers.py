"""What a check is told by the store of a machine, and what it tells the caller, the operator and the app."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code, Refusal, StoreError
from mfa_middleware.machines import Permits, State
from mfa_middleware.proofs.nonce import LIFE
from mfa_middleware.replay import Outcome, StoreState
from mfa_middleware.route import PROTECTED, Route, required
from mfa_middleware.steps import Claim, Resources, run
from tests.helpers.bench import NOW, ORIGIN, TOKEN, Bench, Nonces
from tests.helpers.keys import b64, stranger
from tests.helpers.proofs import ath, content_digest, jws
from tests.test_guard import RecordingStore

SECRET = "0123456789abcdef0123456789abcdef"
FORGED = b64(b'{"alg":"none"}').encode() + b".e30."


class Cluster(RecordingStore):
    """Each owner has a state of its own, as on a clustered server; while `down`, nobody learns any."""

    down = False

    def state(self, owner: bytes = b"") -> StoreState:
        if self.down:
            raise StoreError("the cluster is gone")
        return StoreState(owner[:16].ljust(16, b"e"), owner.ljust(32, b"s"))

    refresh = state


def refusal_of(decision: Decision) -> Refusal:
    assert decision.refusal is not None
    return decision.refusal


class TestState:
    def test_a_machine_gets_its_nonces_from_the_state_of_its_own_part_of_the_store(self) -> None:
        store = Cluster()
        bench = Bench(store=store, nonce="required")
        given = bench.check().nonce
        bench.clock.advance(LIFE / 2 + 1)
        renewed = bench.check(bench.proof(nonce=given))
        assert renewed.refusal is None
        assert bench.check(bench.proof(nonce=renewed.nonce)).refusal is None
        epochs = [claim[3] for claim in store.claims]
        assert epochs == [store.state(claim[1]).epoch for claim in store.claims]
        assert epochs[0] != store.state().epoch

    def test_a_nonce_that_a_route_demands_afterwards_is_of_that_state_too(self) -> None:
        bench, route = Bench(store=Cluster()), required(nonce=True)
        tightened = bench.guard.tighten(bench.check(), route)
        assert refusal_of(tightened).code is Code.USE_DPOP_NONCE
        accepted = bench.check(bench.proof(nonce=tightened.nonce))
        assert bench.guard.tighten(accepted, route) is accepted

    def test_nonces_are_made_with_the_secret_of_the_settings_where_there_is_one(self) -> None:
        bench = Bench(store=Cluster(), secret=SECRET)
        with_the_stores_own = Nonces(lambda: bench.store.state(bench.guard._reader.read([bench.proof()]).key.owner))
        guessed = with_the_stores_own.mint(bench.key.thumbprint, NOW)
        assert bench.code(bench.proof(nonce=guessed)) is Code.USE_DPOP_NONCE
        assert bench.code(bench.proof(nonce=bench.check(bench.proof(iat=0)).nonce, iat=0)) is None

    def test_a_store_that_cannot_tell_its_state_gives_no_nonce_and_accepts_nothing(self) -> None:
        store = Cluster()
        store.down = True
        bench = Bench(store=store, nonce="required")
        decision = bench.check()
        assert (decision.allowed, decision.nonce) == (False, None)
        assert refusal_of(decision).code is Code.STORE_UNAVAILABLE
        assert refusal_of(decision).detail == "the cluster is gone"

    def test_a_route_still_refuses_where_the_store_cannot_tell_its_state(self) -> None:
        bench = Bench(store=Cluster())
        accepted = bench.check()
        bench.store.down = True  # type: ignore[attr-defined]
        tightened = bench.guard.tighten(accepted, required(nonce=True))
        assert (tightened.allowed, tightened.nonce) == (False, None)
        assert refusal_of(tightened).code is Code.USE_DPOP_NONCE

    @pytest.mark.parametrize(("peer", "packed"), [("203.0.113.7", b"\xcb\x00\x71\x07"), (None, b""), ("unix:", b"")])
    def test_a_claim_tells_from_where_the_proof_came(self, peer: str | None, packed: bytes) -> None:
        bench = Bench()
        steps, decision = bench.steps(bench.request(bench.proof(), peer=peer))
        assert decision.refusal is None
        assert [step.peer for step in steps if isinstance(step, Claim)] == [packed]


class Away(Cluster):
    """What was last known of each owner is known; nothing else is to be had."""

    def __init__(self) -> None:
        super().__init__(StoreError("the server is gone"))

    def refresh(self, owner: bytes = b"") -> StoreState:
        raise StoreError("the server is gone")


class TestOutage:
    """MFA_ACCEPT_REPLAYS_DURING_OUTAGE: on these paths, and there alone, a proven request passes without the store."""

    def bench(self) -> Bench:
        return Bench(store=Away(), accept_replays_during_outage="/orders/1")

    @pytest.mark.parametrize("with_nonce", [True, False])
    def test_a_proven_request_passes_there_and_it_is_known_why(self, with_nonce: bool) -> None:
        bench = self.bench()
        owner = bench.guard._reader.read([bench.proof()]).key.owner
        nonce = Nonces(lambda: bench.store.state(owner)).mint(bench.key.thumbprint, NOW)
        decision = bench.check(bench.proof(**({"nonce": nonce, "iat": 0} if with_nonce else {})))
        assert decision.allowed
        assert decision.refusal is None
        assert decision.unchecked is not None
        assert "MFA_ACCEPT_REPLAYS_DURING_OUTAGE" in decision.unchecked
        assert "the server is gone" in decision.unchecked
        assert decision.event(bench.request(), NOW).kind == "accepted_unchecked"

    @pytest.mark.parametrize("with_nonce", [True, False])
    def test_on_every_other_path_nothing_is_accepted(self, with_nonce: bool) -> None:
        bench = self.bench()
        claims = {"nonce": "any"} if with_nonce else {}
        for path in ("/orders/2", "/orders/1/", "//orders/1", "/orders/%31"):
            sent = bench.proof(htu=f"{ORIGIN}{path}", **claims)
            decision = bench.check(sent, raw_path=path, routed_path="/orders/1")
            assert not decision.allowed
            assert refusal_of(decision).code is Code.STORE_UNAVAILABLE
            assert decision.unchecked is None

    @pytest.mark.parametrize(
        ("machine", "claims", "code"),
        [
            ({"state": State.PAUSED}, {}, Code.MACHINE_INACTIVE),
            ({"credentials": Permits()}, {}, Code.SCOPE_DENIED),
            ({}, {"htm": "POST"}, Code.WRONG_TARGET),
            ({}, {"ath": ath("x")}, Code.WRONG_BINDING),
            ({}, {"htd": content_digest(b"x")}, Code.WRONG_DIGEST),
        ],
    )
    def test_every_other_check_holds_there_too(
        self, machine: dict[str, Any], claims: dict[str, Any], code: Code
    ) -> None:
        bench = Bench(store=Away(), accept_replays_during_outage="/orders/1", machine=machine)
        decision = bench.check(bench.proof(**claims))
        assert not decision.allowed
        assert refusal_of(decision).code is code
        assert decision.unchecked is None

    def test_a_registry_that_cannot_answer_accepts_nothing_there(self) -> None:
        def gone(_: str) -> Any:
            raise StoreError("the registry is gone")

        bench: Any = self.bench()
        bench.registry.find = gone
        decision = bench.check()
        assert not decision.allowed
        assert refusal_of(decision).detail == "the registry is gone"

    def test_while_the_store_answers_replays_are_refused_there(self) -> None:
        bench = Bench(accept_replays_during_outage="/orders/1")
        sent = bench.proof()
        first, again = bench.check(sent), bench.check(sent)
        assert (first.allowed, first.unchecked) == (True, None)
        assert not again.allowed


class TestDemandedNonce:
    @pytest.mark.parametrize("mode", ["off", "recover", "required"])
    @pytest.mark.parametrize("iat", [NOW, NOW - 3_600, NOW + 3_600])
    def test_a_route_that_demands_one_says_so_however_wrong_the_clock_is(self, mode: str, iat: float) -> None:
        bench, route = Bench(nonce=mode), required(nonce=True)
        decision = bench.check(bench.proof(iat=iat), route=route)
        assert refusal_of(decision).code is Code.USE_DPOP_NONCE
        assert bench.code(bench.proof(nonce=decision.nonce), route=route) is None


class TestBodyOfARefusedRequest:
    def test_it_is_read_up_to_the_limit_and_a_longer_one_costs_the_machine_no_nonce(self) -> None:
        bench, limits = Bench(nonce="required", body_limit=77), []

        def read(limit: int) -> bytes:
            limits.append(limit)
            raise Refusal(Code.BODY_TOO_LARGE, f"more than {limit}")

        sent = bench.request(bench.proof())
        decision = run(bench.guard.check(sent), Resources(bench.registry, bench.store, read))
        assert limits == [77]
        assert refusal_of(decision).code is Code.USE_DPOP_NONCE
        assert bench.code(bench.proof(nonce=decision.nonce)) is None


class TestSeveralOrigins:
    ORIGINS = "https://a.example, https://b.example"

    @pytest.mark.parametrize(
        ("host", "htu", "code"),
        [
            ("a.example", "https://a.example/orders/1", None),
            ("b.example", "https://b.example/orders/1", None),
            ("a.example", "https://b.example/orders/1", Code.WRONG_TARGET),
            ("c.example", "https://c.example/orders/1", Code.WRONG_TARGET),
        ],
    )
    def test_the_host_of_the_request_selects_among_them(self, host: str, htu: str, code: Code | None) -> None:
        bench = Bench(origins=self.ORIGINS)
        headers = [(b"host", host.encode()), (b"authorization", b"DPoP " + TOKEN.encode())]
        assert bench.code(bench.proof(htu=htu), headers=headers) is code

    def test_without_any_a_request_from_this_host_to_itself_is_served(self) -> None:
        bench = Bench(origins="")
        headers = [(b"host", b"localhost:8000"), (b"authorization", b"DPoP " + TOKEN.encode())]
        sent = {"headers": headers, "scheme": "http", "peer": "127.0.0.1", "local": "127.0.0.1"}
        assert bench.code(bench.proof(htu="http://localhost:8000/orders/1"), **sent) is None
        assert bench.code(bench.proof(htu="http://localhost:8000/orders/1"), **sent | {"peer": "192.0.2.1"}) is (
            Code.WRONG_TARGET
        )


class TestTold:
    def test_the_operator_is_told_what_the_store_said(self) -> None:
        decision = Bench(store=RecordingStore(StoreError("the disk is gone"))).check()
        assert "the disk is gone" in refusal_of(decision).detail

    def test_the_operator_is_told_which_quota_was_reached(self) -> None:
        detail = refusal_of(Bench(store=RecordingStore(Outcome.QUOTA), machine_quota=77).check()).detail
        assert "77 live proofs (MFA_MACHINE_QUOTA)" in detail

    def test_a_demanded_query_hash_that_is_missing_is_told_to_a_verified_caller(self) -> None:
        refusal = refusal_of(Bench(require_query=True).check())
        assert "MFA_REQUIRE_QUERY" in refusal.detail
        assert refusal.hints == {"missing_claim": "htq"}

    def test_the_place_of_a_credential_that_is_not_permitted_is_told(self) -> None:
        bench = Bench(machine={"credentials": Permits(hashes=frozenset({ath(TOKEN)}))})
        headers = [(b"authorization", b"DPoP " + TOKEN.encode()), (b"x-api-key", b"two")]
        refusal = refusal_of(bench.check(bench.proof(oth={"x-api-key": ath("two")}), headers=headers))
        assert "press-4" in refusal.detail
        assert "x-api-key" in refusal.detail
        assert refusal.hints == {"credential_place": "x-api-key"}

    def test_a_machine_that_may_not_act_is_named_to_the_operator(self) -> None:
        detail = refusal_of(Bench(machine={"valid_until": NOW - 1}).check()).detail
        assert "press-4" in detail

    def test_tricks_are_told_of_each_place(self) -> None:
        headers = [(b"authorization", b"Bearer " + FORGED), (b"x-api-key", FORGED)]
        decision = Bench().check(headers=headers)
        assert refusal_of(decision).code is Code.FORGED_TOKEN
        assert [finding.where for finding in decision.findings] == ["authorization", "x-api-key"]
        assert all(finding.id in refusal_of(decision).detail for finding in decision.findings)

    def test_a_machine_that_is_removed_while_its_body_comes_in_is_told_apart_from_a_stranger(self) -> None:
        bench = Bench()

        def read(_: int) -> bytes:
            bench.registry.machines.clear()
            return b"body"

        sent = bench.request(bench.proof(htd=content_digest(b"body")))
        decision = run(bench.guard.check(sent), Resources(bench.registry, bench.store, read))
        assert refusal_of(decision).code is Code.UNKNOWN_MACHINE
        assert "while its body came in" in refusal_of(decision).detail

    def test_the_algorithms_that_the_app_accepts_tell_a_confused_token_from_an_honest_one(self) -> None:
        token = jws(stranger(), {"alg": "HS256"}, {"iss": "https://idp"}, signature=b"s" * 32)
        headers = [(b"authorization", b"Bearer " + token)]
        for algorithms, code in (("", None), ("HS256", None), ("RS256, ES256", Code.FORGED_TOKEN)):
            bench = Bench(jwt_algorithms=algorithms)
            assert bench.code(bench.proof(ath=ath(token)), headers=headers) is code

    def test_an_honest_token_has_no_findings(self) -> None:
        assert Bench().check().findings == ()

    @pytest.mark.parametrize("mode", ["enforce", "report"])
    def test_a_checked_request_is_not_exempt_and_knows_whether_refusals_are_carried_out(self, mode: str) -> None:
        bench = Bench(mode=mode)
        for decision in (bench.check(), bench.check(b"junk")):
            assert decision.exempt is False
            assert decision.enforced is (mode == "enforce")


class TestTighten:
    @pytest.mark.parametrize("route", [required(scopes="a"), required(query=True), required(nonce=True)])
    def test_a_request_without_a_proven_machine_is_left_as_it_was_decided(self, route: Route) -> None:
        bench = Bench(mode="report", exempt="/health")
        for decision in (
            bench.check(bench.proof(key=stranger())),
            bench.check(b"junk"),
            bench.check(raw_path="/health"),
        ):
            assert bench.guard.tighten(decision, route) is decision

    def test_what_an_accepted_request_does_not_meet_is_refused(self) -> None:
        bench = Bench()
        accepted = bench.check()
        for route, code in (
            (PROTECTED, None),
            (required(scopes="a"), Code.SCOPE_DENIED),
            (required(networks="10.0.0.0/8"), Code.MACHINE_INACTIVE),
            (required(query=True), Code.WRONG_TARGET),
            (required(body=True), Code.WRONG_DIGEST),
            (replace(required(scopes="a"), report_only=True), Code.SCOPE_DENIED),
        ):
            decision = bench.guard.tighten(accepted, route)
            assert decision.allowed is (code is None or route.report_only)
            assert (decision.refusal.code if decision.refusal else None) is code


def test_a_body_that_is_demanded_and_bound_is_known_to_be_bound() -> None:
    bench: Any = Bench(require_body=True)
    bench.body = b"body"
    assert bench.check(bench.proof(htd=content_digest(b"body"))).facts.body_bound is True
