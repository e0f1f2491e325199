"""The path of one request: the order of its checks, and that nothing is written before all is proven."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code, Refusal, StoreError
from mfa_middleware.machines import Permits, State
from mfa_middleware.machines.networks import parse_network
from mfa_middleware.proofs import dpop
from mfa_middleware.replay import Outcome, StoreState
from mfa_middleware.route import PROTECTED, Route, required
from mfa_middleware.steps import Claim, FindMachine, FindState, ReadBody, Resources, run, run_async
from tests.helpers.bench import NOW, ORIGIN, TOKEN, Bench, machine_of
from tests.helpers.keys import b64, stranger
from tests.helpers.proofs import ABSENT, ath, content_digest, htq, jws, proof

ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass
class Attempt:
    """A request that starts honest and is broken fault by fault."""

    bench: Bench
    token: bytes | None = TOKEN.encode()
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    signature: bytes | None = None
    machine: dict[str, Any] | None = field(default_factory=dict)
    route: Route = PROTECTED
    dpop: bool = True

    def send(self) -> Decision:
        machines = self.bench.registry.machines
        machines.clear()
        if self.machine is not None:
            machines[self.bench.key.thumbprint] = machine_of(self.bench.key, **self.machine)
        self.bench.body = b"body"
        claims = self.bench.claims(jti="the one", ath=ath(self.token or b""), htd=content_digest(b"body")) | self.claims
        made = proof(self.bench.key, claims, header=self.header, signature=self.signature)
        headers = [(b"authorization", b"Bearer " + self.token)] if self.token is not None else []
        request = self.bench.request(*([made] if self.dpop else []), headers=headers)
        return self.bench.decide(request, self.route)


def set_to(**changes: Any) -> Callable[[Attempt], None]:
    def apply(attempt: Attempt) -> None:
        for name, value in changes.items():
            old = getattr(attempt, name)
            setattr(attempt, name, {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value)

    return apply


def add_scope(attempt: Attempt) -> None:
    attempt.route = replace(attempt.route, scopes=frozenset({"admin"}))


FAULTS: list[tuple[str, Callable[[Attempt], None], Code]] = [
    ("a forged bearer", set_to(token=b"eyJhbGciOiJub25lIn0.e30."), Code.FORGED_TOKEN),
    ("no credential", set_to(token=None), Code.MISSING_CREDENTIAL),
    ("no proof", set_to(dpop=False), Code.MISSING_PROOF),
    ("another typ", set_to(header={"typ": "JWT"}), Code.MALFORMED_PROOF),
    ("another algorithm", set_to(header={"alg": "none"}), Code.UNSUPPORTED_ALG),
    ("an unknown machine", set_to(machine=None), Code.UNKNOWN_MACHINE),
    ("a bad signature", set_to(signature=bytes(64)), Code.BAD_SIGNATURE),
    ("an old proof", set_to(claims={"iat": NOW - 100}), Code.USE_DPOP_NONCE),
    ("another method", set_to(claims={"htm": "POST"}), Code.WRONG_TARGET),
    ("another url", set_to(claims={"htu": f"{ORIGIN}/x"}), Code.WRONG_TARGET),
    ("another credential", set_to(claims={"ath": ath("x")}), Code.WRONG_BINDING),
    ("another query", set_to(claims={"htq": htq(b"x")}), Code.WRONG_TARGET),
    ("a paused machine", set_to(machine={"state": State.PAUSED}), Code.MACHINE_INACTIVE),
    ("a scope that is missing", add_scope, Code.SCOPE_DENIED),
    ("a credential of somebody else", set_to(machine={"credentials": Permits()}), Code.SCOPE_DENIED),
    ("another body", set_to(claims={"htd": content_digest(b"x")}), Code.WRONG_DIGEST),
    ("a replay", set_to(), Code.REPLAYED),
]
NAMES = [name for name, _, _ in FAULTS]


def code_of(decision: Decision) -> Code | None:
    return decision.refusal.told if decision.refusal else None


class TestOrder:
    @pytest.mark.parametrize("first", range(len(FAULTS)), ids=NAMES)
    def test_of_several_faults_the_first_is_answered(self, first: int) -> None:
        """Everything from one check on is wrong; what is answered belongs to that check."""
        bench = Bench()
        assert code_of(Attempt(bench).send()) is None
        attempt = Attempt(bench)
        for _, break_it, _ in reversed(FAULTS[first:]):
            break_it(attempt)
        assert code_of(attempt.send()) is FAULTS[first][2]

    @pytest.mark.parametrize("fault", range(len(FAULTS) - 1), ids=NAMES[:-1])
    def test_one_fault_alone_is_noticed_and_writes_nothing(self, fault: int) -> None:
        bench = Bench()
        attempt = Attempt(bench)
        FAULTS[fault][1](attempt)
        assert code_of(attempt.send()) is FAULTS[fault][2]
        assert code_of(Attempt(bench).send()) is None, "the jti is still unused"

    @pytest.mark.parametrize("fault", range(7, 12), ids=NAMES[7:12])
    def test_claims_are_answered_only_once_the_signature_has_verified(self, fault: int) -> None:
        attempt = Attempt(Bench())
        FAULTS[fault][1](attempt)
        attempt.signature = bytes(64)
        decision = attempt.send()
        assert code_of(decision) is Code.BAD_SIGNATURE
        assert decision.refusal is not None
        assert not decision.refusal.hints
        assert decision.nonce is None
        assert decision.machine is None

    def test_the_claim_is_the_last_step(self) -> None:
        bench = Bench()
        steps, decision = bench.steps(bench.request(bench.proof(htd=content_digest(b""))))
        assert decision.refusal is None
        assert [type(step) for step in steps] == [FindMachine, ReadBody, FindMachine, Claim]
        steps, decision = bench.steps(bench.request(bench.proof()))
        assert [type(step) for step in steps] == [FindMachine, Claim]

    @pytest.mark.parametrize("fault", range(5, 16), ids=NAMES[5:16])
    def test_nothing_is_claimed_where_anything_fails(self, fault: int) -> None:
        store = RecordingStore()
        attempt = Attempt(Bench(store=store))
        FAULTS[fault][1](attempt)
        attempt.send()
        assert store.claims == []
        Attempt(attempt.bench).send()
        assert len(store.claims) == 1

    def test_an_unknown_machine_costs_no_public_key_operation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def explode(*_: object) -> None:
            raise AssertionError("a key was loaded")

        bench = Bench()
        off_curve = {**bench.key.jwk, "x": b64(b"\1" * 32), "y": b64(b"\1" * 32)}
        invalid = replace(bench.key, jwk=off_curve)
        sent = bench.proof(key=invalid)
        with monkeypatch.context() as patched:
            patched.setattr(dpop, "verifier", explode)
            assert bench.code(sent) is Code.UNKNOWN_MACHINE
            with pytest.raises(AssertionError, match="a key was loaded"):
                bench.check()
        bench.registry.machines[invalid.thumbprint] = machine_of(invalid)
        assert bench.code(sent) is Code.BAD_SIGNATURE, "once enrolled, the invalid point is loaded, and found out"

    @pytest.mark.parametrize("sent", [b"", b"x", b"A" * 5_000, b"e30.e30.AA"])
    def test_a_malformed_proof_asks_for_no_machine(self, sent: bytes) -> None:
        bench = Bench()
        assert bench.code(sent) is Code.MALFORMED_PROOF
        assert bench.registry.asked == []


class TestSignature:
    def test_another_enrolled_key_does_not_sign_for_this_one(self) -> None:
        bench, other = Bench(), stranger()
        bench.registry.machines[other.thumbprint] = machine_of(other, id="other")
        forged = bench.proof(key=other, header={"jwk": bench.key.jwk})
        assert bench.code(forged) is Code.BAD_SIGNATURE

    def test_the_registered_key_counts_and_not_the_one_in_the_header(self) -> None:
        """A registry that was tampered with: the thumbprint leads to another key."""
        bench = Bench()
        bench.registry.machines[bench.key.thumbprint] = machine_of(bench.key, jwk=stranger().jwk)
        assert bench.code() is Code.BAD_SIGNATURE

    def test_a_bad_signature_is_refused_before_and_after_a_good_one(self) -> None:
        bench = Bench()
        broken = proof(bench.key, bench.claims(), signature=bytes(64))
        assert bench.code(broken) is Code.BAD_SIGNATURE
        assert bench.code() is None
        assert bench.code(broken) is Code.BAD_SIGNATURE
        assert len(bench.guard._reader._keys) == 1

    def test_a_stranger_leaves_nothing_in_the_cache_of_headers(self) -> None:
        bench = Bench()
        assert bench.code(bench.proof(key=stranger())) is Code.UNKNOWN_MACHINE
        assert bench.code(proof(bench.key, bench.claims(), signature=bytes(64))) is Code.BAD_SIGNATURE
        assert bench.guard._reader._keys == {}

    def test_a_machine_that_was_removed_is_unknown_although_its_header_was_accepted(self) -> None:
        bench = Bench()
        assert bench.code() is None
        bench.registry.machines.clear()
        assert bench.code() is Code.UNKNOWN_MACHINE


class TestSingleUse:
    def test_the_same_proof_is_refused(self) -> None:
        bench = Bench()
        sent = bench.proof()
        assert [bench.code(sent) for _ in range(3)] == [None, Code.REPLAYED, Code.REPLAYED]

    def test_the_other_half_of_an_ecdsa_signature_is_the_same_proof(self) -> None:
        bench = Bench()
        message, _, signature = bench.proof().rpartition(b".")
        raw = dpop.decode_checked(signature)
        twin = raw[:32] + (ORDER_OF_P256 - int.from_bytes(raw[32:])).to_bytes(32)
        assert bench.code(message + b"." + b64(twin).encode()) is None
        assert bench.code(message + b"." + signature) is Code.REPLAYED

    def test_other_bytes_with_the_same_jti_are_the_same_proof(self) -> None:
        bench = Bench()
        assert bench.code(bench.proof(jti="a", x=1)) is None
        assert bench.code(bench.proof(jti="a", x=2, htu=f"{ORIGIN}/orders/%31")) is Code.REPLAYED
        assert bench.code(bench.proof(jti="\u0061")) is Code.REPLAYED

    def test_a_jti_belongs_to_its_machine(self) -> None:
        bench, other = Bench(), stranger()
        bench.registry.machines[other.thumbprint] = machine_of(other, id="other")
        assert bench.code(bench.proof(jti="a")) is None
        assert bench.code(bench.proof(jti="a", key=other)) is None

    def test_what_is_claimed(self) -> None:
        store = RecordingStore()
        bench = Bench(store=store)
        nonce = bench.nonces.mint(bench.key.thumbprint, NOW - 7)
        for claims in ({"jti": "a", "iat": NOW - 3}, {"jti": "b"}, {"jti": "a", "nonce": nonce, "iat": 0}):
            assert bench.code(bench.proof(**claims)) is None
        first, second, third = store.claims
        assert first[0] == third[0] != second[0]
        assert first[1] == second[1] == third[1]
        assert {len(part) for claim in store.claims for part in claim[:2]} == {16}
        assert first[2:] == (90.0, None, NOW - 3 + 60, bytes((203, 0, 113, 7)))
        assert third[2:] == (135.0, store.state().epoch, NOW - 7 + 120, bytes((203, 0, 113, 7)))

    def test_a_jti_cannot_be_moved_into_the_thumbprint(self) -> None:
        assert len({dpop.Proof(key, jti, "", "", 0.0, {}, b"", b"", b"").identity() for key, jti in _neighbours()}) == 4

    @pytest.mark.parametrize(
        ("outcome", "code"),
        [
            (Outcome.NEW, None),
            (Outcome.SEEN, Code.REPLAYED),
            (Outcome.QUOTA, Code.MACHINE_QUOTA),
            (Outcome.FULL, Code.STORE_FULL),
            (Outcome.COLD, Code.USE_DPOP_NONCE),
            (Outcome.STALE, Code.USE_DPOP_NONCE),
        ],
    )
    def test_every_outcome_has_its_answer(self, outcome: Outcome, code: Code | None) -> None:
        assert Bench(store=RecordingStore(outcome)).code() is code

    @pytest.mark.parametrize(
        ("outcome", "code"), [(Outcome.COLD, Code.STORE_UNAVAILABLE), (Outcome.STALE, Code.STALE_PROOF)]
    )
    def test_without_nonces_two_of_them_have_another(self, outcome: Outcome, code: Code) -> None:
        assert Bench(store=RecordingStore(outcome), nonce="off").code() is code

    def test_a_store_that_cannot_answer_accepts_nothing(self) -> None:
        decision = Bench(store=RecordingStore(StoreError("the disk is gone"))).check()
        assert code_of(decision) is Code.STORE_UNAVAILABLE
        assert not decision.allowed

    def test_a_registry_that_cannot_answer_accepts_nothing(self) -> None:
        bench = Bench()
        bench.registry.find = failing
        assert bench.code() is Code.STORE_UNAVAILABLE


def failing(*_: object) -> Any:
    raise StoreError("the database is gone")


def _neighbours() -> list[tuple[dpop.Key, str]]:
    def key(owner: bytes) -> dpop.Key:
        return dpop.Key("", owner, "ES256", {})

    return [(key(b"a" * 16), "b"), (key(b"a" * 15 + b"b"), "b"), (key(b"a" * 16), "bb"), (key(b"a" * 16), "1:b")]


class TestBody:
    def slow(
        self, bench: Bench, seconds: float, meanwhile: Callable[[], None] = lambda: None, **claims: Any
    ) -> Code | None:
        """The body takes this long, and something happens meanwhile."""

        def read(_: int) -> bytes:
            bench.clock.advance(seconds)
            meanwhile()
            return b"body"

        sent = bench.proof(htd=content_digest(b"body"), **claims)
        return code_of(run(bench.guard.check(bench.request(sent)), Resources(bench.registry, bench.store, read)))

    def test_a_proof_that_grew_too_old_while_its_body_came_in_is_refused(self) -> None:
        assert self.slow(Bench(nonce="off"), 60) is None
        assert self.slow(Bench(nonce="off"), 61) is Code.STALE_PROOF
        assert self.slow(Bench(), 90) is Code.USE_DPOP_NONCE

    def test_so_is_one_whose_nonce_did(self) -> None:
        for seconds, code in ((119, None), (121, Code.USE_DPOP_NONCE)):
            bench = Bench()
            assert self.slow(bench, seconds, nonce=bench.nonces.mint(bench.key.thumbprint, NOW)) is code

    def test_a_machine_that_was_stopped_meanwhile_is_refused(self) -> None:
        bench = Bench()
        thumbprint = bench.key.thumbprint
        revoked = replace(bench.machine, state=State.REVOKED)
        assert (
            self.slow(bench, 1, lambda: bench.registry.machines.update({thumbprint: revoked})) is Code.MACHINE_INACTIVE
        )
        assert self.slow(Bench(machine={"valid_until": NOW + 5}), 10) is Code.MACHINE_INACTIVE

    def test_so_is_one_that_was_removed(self) -> None:
        bench = Bench()
        assert self.slow(bench, 1, bench.registry.machines.clear) is Code.UNKNOWN_MACHINE

    def test_a_body_over_the_limit_is_refused_and_nothing_is_claimed(self) -> None:
        def read(limit: int) -> bytes:
            raise Refusal(Code.BODY_TOO_LARGE, f"more than {limit}")

        bench = Bench()
        sent = bench.proof(htd=content_digest(b"x"))
        refused = run(bench.guard.check(bench.request(sent)), Resources(bench.registry, bench.store, read))
        assert code_of(refused) is Code.BODY_TOO_LARGE
        bench.body = b"x"
        assert bench.code(sent) is None

    def test_a_websocket_has_no_body(self) -> None:
        bench = Bench(require_body=True)
        assert bench.code(bench.proof(htd="junk", htu="wss://api.example.com/orders/1"), websocket=True) is None
        assert bench.bodies_read == []


class TestMachine:
    @pytest.mark.parametrize("state", [state for state in State if state is not State.ACTIVE])
    def test_only_an_active_one_may_act(self, state: State) -> None:
        decision = Bench(machine={"state": state}).check()
        assert code_of(decision) is Code.MACHINE_INACTIVE
        assert decision.refusal is not None
        assert decision.refusal.hints == {"reason": state.value}

    def test_it_may_be_pinned_to_networks(self) -> None:
        bench = Bench(machine={"networks": (parse_network("203.0.113.0/24"),)})
        assert bench.code(peer="203.0.113.99") is None
        assert bench.code(peer="::ffff:203.0.113.99") is None
        for peer in ("198.51.100.1", None, "unix:"):
            assert bench.code(peer=peer) is Code.MACHINE_INACTIVE

    def test_a_forwarded_address_counts_only_behind_stated_proxies(self) -> None:
        pinned = {"networks": (parse_network("203.0.113.0/24"),)}
        given = [(b"authorization", b"DPoP " + TOKEN.encode()), (b"x-forwarded-for", b"203.0.113.9")]
        assert Bench(machine=pinned).code(headers=given, peer="10.0.0.2") is Code.MACHINE_INACTIVE
        assert Bench(machine=pinned, trusted_proxies=1).code(headers=given, peer="10.0.0.2") is None
        assert Bench(machine=pinned, trusted_proxies=2).code(headers=given, peer="10.0.0.2") is Code.MACHINE_INACTIVE

    def test_it_uses_only_the_credentials_it_is_permitted(self) -> None:
        assert Bench(machine={"credentials": Permits(hashes=frozenset({ath(TOKEN)}))}).code() is None
        assert Bench(machine={"credentials": Permits(hashes=frozenset({ath("x")}))}).code() is Code.SCOPE_DENIED
        assert Bench(machine={"credentials": Permits()}).code() is Code.SCOPE_DENIED

    def test_every_credential_must_be_permitted(self) -> None:
        bench = Bench(machine={"credentials": Permits(hashes=frozenset({ath("one")}))})
        both = [(b"authorization", b"DPoP one"), (b"x-api-key", b"two")]
        assert bench.code(bench.proof(ath=ath("one"), oth={"x-api-key": ath("two")}), headers=both) is Code.SCOPE_DENIED
        assert bench.code(bench.proof(ath=ath("one")), headers=both[:1]) is None

    def test_a_subject_is_permitted_whatever_its_token(self) -> None:
        bench = Bench(machine={"credentials": Permits(subjects=frozenset({("https://idp", "press-4")}))})
        for claims, code in (
            ({"iss": "https://idp", "sub": "press-4", "exp": 1}, None),
            ({"iss": "https://idp", "sub": "press-4", "exp": 2}, None),
            ({"iss": "https://idp", "sub": "press-5"}, Code.SCOPE_DENIED),
            ({"iss": "https://evil", "sub": "press-4"}, Code.SCOPE_DENIED),
            ({"sub": "press-4"}, Code.SCOPE_DENIED),
            ({"iss": ["https://idp"], "sub": "press-4"}, Code.FORGED_TOKEN),
        ):
            token = jws(bench.key, {"alg": "RS256"}, claims, signature=b"s")
            given = [(b"authorization", b"Bearer " + token)]
            assert bench.code(bench.proof(ath=ath(token)), headers=given) is code


class TestCredentials:
    def test_none_is_missing(self) -> None:
        decision = Bench().check(headers=[])
        assert code_of(decision) is Code.MISSING_CREDENTIAL
        assert decision.refusal is not None
        assert decision.refusal.error is None

    def test_a_route_may_ask_for_none(self) -> None:
        bench, route = Bench(), required(credential=False)
        assert bench.code(bench.proof(ath=ABSENT), headers=[], route=route) is None
        assert bench.code(route=route) is None, "one that is there is bound all the same"
        assert bench.code(bench.proof(ath=ABSENT), route=route) is Code.WRONG_BINDING

    def test_a_caller_without_anything_is_told_of_no_error(self) -> None:
        for bench, route in ((Bench(credentials="none"), PROTECTED), (Bench(), required(credential=False))):
            refusal = bench.decide(bench.request(headers=[]), route).refusal
            assert refusal is not None
            assert (refusal.code, refusal.error) == (Code.MISSING_PROOF, None)

    def test_a_caller_with_a_credential_and_no_proof_is(self) -> None:
        bench = Bench()
        refusal = bench.decide(bench.request()).refusal
        assert refusal is not None
        assert (refusal.code, refusal.error) == (Code.MISSING_PROOF, "invalid_dpop_proof")


class TestDecision:
    def test_an_accepted_request_knows_who_and_what_was_bound(self) -> None:
        bench = Bench()
        bench.body = b"x"
        decision = bench.check(bench.proof(htq=htq(b"a=1"), htd=content_digest(b"x")), query=b"a=1")
        assert decision.allowed
        assert decision.machine is bench.machine
        assert decision.thumbprint == bench.key.thumbprint
        assert decision.credential == ath(TOKEN)
        assert tuple(decision.facts) == (True, True, False)
        assert str(decision.client) == "203.0.113.7"

    def test_a_machine_is_named_only_once_its_signature_has_verified(self) -> None:
        bench = Bench()
        assert bench.check(proof(bench.key, bench.claims(), signature=bytes(64))).machine is None
        assert bench.check(bench.proof(iat=0)).machine is bench.machine

    def test_both_drivers_come_to_the_same(self) -> None:
        bench = Bench()
        bench.body = b"x"

        async def read(limit: int) -> bytes:
            return bench.body

        sent = bench.request(bench.proof(htd=content_digest(b"x")))
        resources = Resources(bench.registry, bench.store, read)
        codes = [code_of(asyncio.run(run_async(bench.guard.check(sent), resources))) for _ in range(2)]
        assert codes == [None, Code.REPLAYED]

    def test_an_async_body_over_the_limit_is_refused(self) -> None:
        async def read(limit: int) -> bytes:
            raise Refusal(Code.BODY_TOO_LARGE, f"more than {limit}")

        bench = Bench()
        sent = bench.request(bench.proof(htd=content_digest(b"x")))
        decision = asyncio.run(run_async(bench.guard.check(sent), Resources(bench.registry, bench.store, read)))
        assert code_of(decision) is Code.BODY_TOO_LARGE


def test_threads_accept_each_proof_once_between_them() -> None:
    bench, codes, errors = Bench(), [], []
    sent = [bench.proof(header={"kid": str(number)}) for number in range(100)]

    def work() -> None:
        try:
            codes.extend(bench.code(one) for one in sent)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(codes, key=str) == [None] * 100 + [Code.REPLAYED] * 500


class RecordingStore:
    """Answers every claim with one outcome, or raises, and remembers what was claimed."""

    scheme = "memory"
    blocking = False
    shared_by = "process"

    def __init__(self, outcome: Outcome | StoreError = Outcome.NEW) -> None:
        self.outcome = outcome
        self.claims: list[tuple[bytes, bytes, float, bytes | None, float, bytes]] = []

    def state(self, owner: bytes = b"") -> StoreState:
        return StoreState(b"e" * 16, b"s" * 32)

    refresh = state

    async def refresh_async(self, owner: bytes = b"") -> StoreState:
        return self.state(owner)

    def claim(
        self, key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes = b""
    ) -> Outcome:
        self.claims.append((key, owner, seconds, epoch, deadline, peer))
        if isinstance(self.outcome, StoreError):
            raise self.outcome
        return self.outcome

    async def claim_async(
        self, key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes = b""
    ) -> Outcome:
        return self.claim(key, owner, seconds, epoch, deadline, peer)

    def close(self) -> None:
        pass


class TestBodyOfARefusedRequest:
    def test_it_is_taken_in_before_a_machine_is_given_a_nonce(self) -> None:
        bench = Bench(nonce="required")
        asked, decision = bench.steps(bench.request(bench.proof()))
        assert decision.nonce is not None
        assert [type(step) for step in asked] == [FindMachine, ReadBody, FindState]

    def test_it_is_left_where_a_stranger_sends_it_or_nothing_is_enforced(self) -> None:
        bench = Bench(nonce="required")
        forged = bench.proof(key=stranger())
        assert not any(isinstance(step, ReadBody) for step in bench.steps(bench.request(forged))[0])
        quiet = Bench(nonce="required", mode="report")
        assert not any(isinstance(step, ReadBody) for step in quiet.steps(quiet.request(quiet.proof()))[0])
