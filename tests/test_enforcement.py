"""For whom refusals are carried out: off, report, enforce, enforce:N%; and what passes without a check."""

from __future__ import annotations

from typing import Any

import pytest

from mfa_middleware.bearer import Bearer
from mfa_middleware.credentials import Credential
from mfa_middleware.decision import Decision
from mfa_middleware.enforcement import Enforcement
from mfa_middleware.errors import Code, ConfigurationError, StoreError
from mfa_middleware.machines import Permits, State
from mfa_middleware.marks import stricter
from mfa_middleware.parse import Mode
from mfa_middleware.route import EXEMPT, PROTECTED, Facts, Route, required
from mfa_middleware.steps import Propose
from tests.helpers.bench import ORIGIN, Bench
from tests.helpers.keys import stranger
from tests.helpers.proofs import ABSENT, ath, content_digest, htq, jws, proof

SECRET = "0123456789abcdef0123456789abcdef"


def without_proof(bench: Bench, token: str, *, route: Route = PROTECTED) -> Decision:
    return bench.decide(bench.request(headers=[(b"authorization", f"Bearer {token}".encode())]), route)


def jwt(bench: Bench, **claims: Any) -> str:
    return jws(bench.key, {"alg": "RS256"}, claims, signature=b"s").decode()


def enforced(bench: Bench, tokens: list[str]) -> set[str]:
    return {token for token in tokens if not without_proof(bench, token).allowed}


class TestReport:
    def test_nothing_is_refused_and_every_refusal_is_known(self) -> None:
        bench = Bench(mode="report")
        for sent, code in (
            (bench.proof(iat=0), Code.USE_DPOP_NONCE),
            (bench.proof(key=stranger()), Code.UNKNOWN_MACHINE),
            (b"junk", Code.MALFORMED_PROOF),
        ):
            decision = bench.check(sent)
            assert decision.allowed
            assert not decision.enforced
            assert decision.refusal is not None
            assert decision.refusal.code is code

    def test_a_replay_is_reported(self) -> None:
        bench = Bench(mode="report")
        sent = bench.proof()
        assert bench.check(sent).refusal is None
        again = bench.check(sent)
        assert again.allowed
        assert again.refusal is not None
        assert again.refusal.told is Code.REPLAYED

    def test_a_good_request_is_good(self) -> None:
        decision = Bench(mode="report").check()
        assert decision.allowed
        assert decision.refusal is None
        assert not decision.enforced


class TestFirstUse:
    def proposed(self, sent: bytes | None = None, **settings: Any) -> list[Any]:
        bench = Bench(**settings)
        bench.check(sent or bench.proof(key=stranger()))
        return bench.registry.proposed

    def test_in_report_mode_an_unknown_key_is_proposed_once_its_proof_verifies(self) -> None:
        assert self.proposed(mode="report", first_use=True) == [(stranger().jwk, "ES256")]

    def test_a_proof_that_does_not_verify_proposes_nothing(self) -> None:
        bench = Bench()
        broken = proof(stranger(), bench.claims(), signature=bytes(64))
        assert self.proposed(broken, mode="report", first_use=True) == []

    @pytest.mark.parametrize("mode", ["enforce", "enforce:50%"])
    def test_in_no_other_mode_and_not_unasked(self, mode: str) -> None:
        assert self.proposed(mode=mode, first_use=True) == []
        assert self.proposed(mode="report") == []

    def test_only_the_public_members_are_proposed(self) -> None:
        bench = Bench(mode="report", first_use=True)
        key = stranger()
        request = bench.request(bench.proof(key=key, header={"jwk": {**key.jwk, "kid": "x", "x5c": ["y"]}}))
        steps, decision = bench.steps(request)
        assert [step.jwk for step in steps if isinstance(step, Propose)] == [key.jwk]
        assert decision.refusal is not None
        assert decision.refusal.code is Code.UNKNOWN_MACHINE


class TestPercent:
    TOKENS = tuple(f"key-{number}" for number in range(1_000))

    @pytest.mark.parametrize(
        ("percent", "low", "high"),
        [("0", 0, 0), ("1", 1, 30), ("25", 190, 310), ("75", 690, 810), ("100", 1_000, 1_000)],
    )
    def test_it_covers_this_share_of_the_credentials(self, percent: str, low: int, high: int) -> None:
        bench = Bench(mode=f"enforce:{percent}%", secret=SECRET)
        assert low <= len(enforced(bench, list(self.TOKENS))) <= high

    def test_it_grows_without_letting_go_of_anybody(self) -> None:
        shares = [enforced(Bench(mode=f"enforce:{n}%", secret=SECRET), list(self.TOKENS[:300])) for n in (5, 20, 60)]
        assert shares[0] < shares[1] < shares[2]

    def test_buckets_are_the_same_wherever_the_secret_is(self) -> None:
        one, two = (enforced(Bench(mode="enforce:50%", secret=SECRET), list(self.TOKENS[:100])) for _ in range(2))
        other = enforced(Bench(mode="enforce:50%", secret=SECRET[::-1]), list(self.TOKENS[:100]))
        assert one == two != other

    def test_a_renewed_jwt_stays_where_its_subject_is(self) -> None:
        bench = Bench(mode="enforce:50%", secret=SECRET)
        for subject in range(40):
            tokens = [jwt(bench, iss="https://idp", sub=str(subject), exp=number) for number in range(5)]
            assert len(enforced(bench, tokens)) in (0, 5)

    @pytest.mark.parametrize("claims", [{"iss": "https://idp"}, {"sub": "press-4"}])
    def test_a_jwt_without_issuer_and_subject_falls_where_it_falls_itself(self, claims: dict[str, str]) -> None:
        bench = Bench(mode="enforce:50%", secret=SECRET)
        tokens = [jwt(bench, **claims, exp=number) for number in range(40)]
        assert 5 < len(enforced(bench, tokens)) < 35

    def test_issuer_and_subject_cannot_be_shifted_into_each_other(self) -> None:
        bench = Bench(mode="enforce:50%", secret=SECRET)
        results = {(len(enforced(bench, [jwt(bench, iss="a" * n, sub="a" * (20 - n))]))) for n in range(1, 20)}
        assert results == {0, 1}

    def test_a_permitted_credential_is_always_covered(self) -> None:
        permits = Permits(hashes=frozenset({ath("mine")}), subjects=frozenset({("https://idp", "press-4")}))
        bench = Bench(mode="enforce:0%", machine={"credentials": permits, "state": State.PAUSED})
        assert not without_proof(bench, "mine").allowed
        assert not without_proof(bench, jwt(bench, iss="https://idp", sub="press-4")).allowed
        assert without_proof(bench, "yours").allowed
        assert without_proof(bench, jwt(bench, iss="https://idp", sub="press-5")).allowed

    def test_any_permits_all_and_covers_none(self) -> None:
        bench = Bench(mode="enforce:0%", machine={"credentials": Permits(any=True)})
        assert without_proof(bench, "mine").allowed

    def test_one_credential_that_is_covered_is_enough(self) -> None:
        bench = Bench(mode="enforce:0%", machine={"credentials": Permits(hashes=frozenset({ath("two")}))})
        headers = [(b"authorization", b"Bearer one"), (b"x-api-key", b"two")]
        assert not bench.decide(bench.request(headers=headers)).allowed

    @pytest.mark.parametrize("claims", [{"iat": 0}, {"htm": "POST"}, {"htu": f"{ORIGIN}/x"}, {"ath": ath("x")}])
    def test_whoever_is_not_covered_is_not_refused_whatever_is_wrong(self, claims: dict[str, Any]) -> None:
        decision = Bench(mode="enforce:0%").check(Bench().proof(**claims))
        assert decision.allowed
        assert decision.refusal is not None

    def test_whoever_presents_a_credential_twice_is_refused(self) -> None:
        """Else a permitted credential would escape by being sent twice."""
        bench = Bench(mode="enforce:0%")
        twice = [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")]
        assert not bench.decide(bench.request(bench.proof(), headers=twice)).allowed
        assert not bench.decide(bench.request(headers=twice)).allowed

    def test_where_the_proof_is_the_only_factor_it_is_always_asked_for(self) -> None:
        for bench, route in (
            (Bench(mode="enforce:0%", credentials="none"), PROTECTED),
            (Bench(mode="enforce:0%"), required(credential=False)),
        ):
            assert not bench.decide(bench.request(headers=[]), route).allowed

    def test_a_request_without_credential_passes_to_the_app_where_not_all_are_covered(self) -> None:
        bench = Bench(mode="enforce:99%")
        decision = bench.decide(bench.request(headers=[]))
        assert decision.allowed
        assert decision.refusal is not None
        assert decision.refusal.code is Code.MISSING_CREDENTIAL

    def test_an_accepted_request_knows_whether_it_was_covered(self) -> None:
        assert Bench(mode="enforce:0%", machine={"credentials": Permits(any=True)}).check().enforced is False
        assert Bench(mode="enforce").check().enforced is True

    def test_a_registry_that_cannot_tell_covers_everybody(self) -> None:
        credential = Credential("authorization", ath("token"), b"token")
        check = Enforcement(Mode("enforce", 0.0), lambda: b"k" * 32).covers([credential], [Bearer()])
        next(check)
        with pytest.raises(StopIteration) as end:
            check.throw(StoreError("gone"))
        assert end.value.value is True


class TestExempt:
    PATHS = "/health, /app/ready"

    @pytest.mark.parametrize(
        "changes",
        [{"raw_path": "/health"}, {"raw_path": "/mount/app/ready", "routed_path": "/app/ready", "root": "/mount"}],
    )
    def test_an_exempt_path_passes_without_anything(self, changes: dict[str, Any]) -> None:
        bench = Bench(exempt=self.PATHS)
        decision = bench.decide(bench.request(headers=[], **changes))
        assert decision.allowed
        assert decision.exempt
        assert decision.machine is None

    @pytest.mark.parametrize(
        "path",
        [
            "/health/",
            "/Health",
            "//health",
            "/./health",
            "/x/../health",
            "/%68ealth",
            "/health%00",
            "/health%2F",
            "/app%2Fready",
            "/app%5Cready",
            "/healthz",
            "/health;a",
        ],
    )
    def test_no_other_spelling_does(self, path: str) -> None:
        bench = Bench(exempt=self.PATHS)
        for routed in ("/health", "/app/ready"):
            decision = bench.decide(bench.request(headers=[], raw_path=path, routed_path=routed))
            assert not decision.allowed

    def test_an_exempt_route_passes_where_its_path_has_one_reading(self) -> None:
        bench = Bench()
        assert bench.decide(bench.request(headers=[], raw_path="/any"), EXEMPT).exempt
        for path in ("//any", "/a/../any", "/any%2F", "/any%5C", "/any%00", "/any/."):
            assert not bench.decide(bench.request(headers=[], raw_path=path), EXEMPT).allowed

    def test_a_query_does_not_matter(self) -> None:
        bench = Bench(exempt=self.PATHS)
        assert bench.decide(bench.request(headers=[], raw_path="/health", query=b"a=/../b")).exempt


class TestPreflight:
    HEADERS = ((b"origin", b"https://app.example"), (b"access-control-request-method", b"POST"))

    def test_it_passes(self) -> None:
        bench = Bench()
        assert bench.decide(bench.request(method="OPTIONS", headers=self.HEADERS)).exempt

    @pytest.mark.parametrize("more", [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")])
    def test_with_a_body_it_does_not(self, more: tuple[bytes, bytes]) -> None:
        bench = Bench()
        assert not bench.decide(bench.request(method="OPTIONS", headers=[*self.HEADERS, more])).allowed

    def test_options_without_its_headers_is_a_request_like_any_other(self) -> None:
        bench = Bench()
        assert not bench.decide(bench.request(method="OPTIONS", headers=[])).allowed
        assert bench.code(bench.proof(htm="OPTIONS"), method="OPTIONS") is None


class TestRoutes:
    def code(
        self, route: Route, *, machine: dict[str, Any] | None = None, body: bytes = b"", **claims: Any
    ) -> Code | None:
        bench = Bench(machine=machine)
        bench.body = body
        return bench.code(bench.proof(**claims), route=route, query=b"a=1")

    def test_scopes(self) -> None:
        route = required(scopes="orders:read orders:write")
        assert self.code(route) is Code.SCOPE_DENIED
        assert self.code(route, machine={"scopes": frozenset({"orders:read"})}) is Code.SCOPE_DENIED
        assert self.code(route, machine={"scopes": frozenset({"orders:read", "orders:write", "x"})}) is None

    def test_query(self) -> None:
        assert self.code(required(query=True)) is Code.WRONG_TARGET
        assert self.code(required(query=True), htq=htq(b"a=1")) is None

    def test_body(self) -> None:
        assert self.code(required(body=True), body=b"x") is Code.WRONG_DIGEST
        assert self.code(required(body=True), body=b"x", htd=content_digest(b"x")) is None
        assert self.code(required(body=True), body=b"") is None

    def test_nonce(self) -> None:
        assert self.code(required(nonce=True)) is Code.USE_DPOP_NONCE

    def test_networks(self) -> None:
        assert self.code(required(networks="203.0.113.0/24")) is None
        assert self.code(required(networks=["10.0.0.0/8", "2001:db8::/32"])) is Code.MACHINE_INACTIVE

    @pytest.mark.parametrize("other", ["10.0.0.0/8", "2001:db8::/32"])
    def test_networks_of_two_marks_must_both_hold(self, other: str) -> None:
        near, far = required(networks="203.0.113.0/24"), required(networks=other)
        assert self.code(stricter(near, far)) is Code.MACHINE_INACTIVE
        assert self.code(stricter(far, near)) is Code.MACHINE_INACTIVE
        assert self.code(stricter(near, required(networks="203.0.0.0/16"))) is None

    def test_report_only(self) -> None:
        bench = Bench()
        decision = bench.check(b"junk", route=required(report_only=True))
        assert decision.allowed
        assert not decision.enforced
        assert decision.refusal is not None

    def test_report_only_holds_in_every_mode(self) -> None:
        bench = Bench(mode="enforce:99.999%", secret=SECRET)
        decision = bench.check(b"junk", route=required(report_only=True))
        assert decision.allowed
        assert not decision.enforced

    def test_what_is_missing_is_told_to_a_verified_caller(self) -> None:
        bench = Bench()
        for route, claim in ((required(query=True), "htq"), (required(body=True), "htd")):
            bench.body = b"x"
            decision = bench.check(route=route)
            assert decision.refusal is not None
            assert decision.refusal.hints == {"missing_claim": claim}

    def test_words_that_are_wrong_say_what_to_write(self) -> None:
        with pytest.raises(ConfigurationError, match=r"write CIDR networks such as 10\.0\.0\.0/8"):
            required(networks="10.0.0.1/8")

    def test_without_words_a_route_asks_for_a_proof_and_no_more(self) -> None:
        assert required() == PROTECTED
        assert tuple(Facts()) == (False, False, False)

    def test_a_caller_from_nowhere_is_on_no_network(self) -> None:
        decision = Bench().check(route=required(networks="10.0.0.0/8"), peer=None)
        assert decision.refusal is not None
        assert "an unknown address" in decision.refusal.detail

    def test_three_words_loosen_and_the_others_do_not(self) -> None:
        assert all(route.loosens for route in (EXEMPT, required(report_only=True), required(credential=False)))
        tight = required(scopes="a", body=True, query=True, nonce=True, networks="10.0.0.0/8")
        assert not tight.loosens
        assert not PROTECTED.loosens


class TestTighten:
    def tighten(
        self,
        route: Route,
        *,
        settings: dict[str, Any] | None = None,
        machine: dict[str, Any] | None = None,
        **claims: Any,
    ) -> Decision:
        bench = Bench(machine=machine, **(settings or {}))
        bench.body = b"x"
        decision = bench.check(bench.proof(**claims))
        assert decision.refusal is None
        return bench.guard.tighten(decision, route)

    @pytest.mark.parametrize(
        ("route", "code"),
        [
            (required(scopes="admin"), Code.SCOPE_DENIED),
            (required(query=True), Code.WRONG_TARGET),
            (required(body=True), Code.WRONG_DIGEST),
            (required(networks="10.0.0.0/8"), Code.MACHINE_INACTIVE),
            (required(nonce=True), Code.USE_DPOP_NONCE),
        ],
    )
    def test_an_accepted_request_may_not_be_enough_for_a_route(self, route: Route, code: Code) -> None:
        decision = self.tighten(route)
        assert not decision.allowed
        assert decision.refusal is not None
        assert decision.refusal.code is code
        assert (decision.nonce is not None) is (code is Code.USE_DPOP_NONCE)

    def test_it_is_where_its_proof_bound_what_the_route_asks_for(self) -> None:
        route = required(scopes="admin", query=True, body=True, networks="203.0.113.0/24")
        decision = self.tighten(route, machine={"scopes": frozenset({"admin"})}, htq=htq(b""), htd=content_digest(b"x"))
        assert decision.allowed
        assert decision.refusal is None

    @pytest.mark.parametrize(
        ("settings", "route"),
        [
            ({"mode": "report"}, required(scopes="a")),
            ({}, required(scopes="a", report_only=True)),
            ({"mode": "enforce:0%"}, required(scopes="a")),
        ],
    )
    def test_where_nothing_is_enforced_it_is_only_told(self, settings: dict[str, Any], route: Route) -> None:
        decision = self.tighten(route, settings=settings)
        assert decision.allowed
        assert decision.refusal is not None

    def test_what_passed_without_a_proof_is_left_as_it_is(self) -> None:
        bench = Bench(exempt="/health")
        decision = bench.decide(bench.request(headers=[], raw_path="/health"))
        assert bench.guard.tighten(decision, required(scopes="a")) is decision


def test_a_proof_only_machine_needs_no_credential() -> None:
    bench = Bench(credentials="none", machine={"credentials": Permits()})
    assert bench.code(bench.proof(ath=ABSENT), headers=[]) is None
