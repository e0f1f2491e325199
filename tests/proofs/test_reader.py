"""What is kept of a header that was accepted, and what the operator is told of a proof that was not."""

from __future__ import annotations

from typing import Any

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.proofs import dpop
from mfa_middleware.route import Facts, Route
from tests.helpers.bench import NOW, TOKEN, Bench, machine_of
from tests.helpers.keys import key_for, stranger
from tests.helpers.proofs import ABSENT, ath, content_digest, htq

FURTHER = "authorization, x-api-key"


def refused(bench: Bench, *proofs: bytes, **changes: Any) -> tuple[str, dict[str, Any]]:
    """What the operator is told, and the caller."""
    refusal = bench.check(*proofs, **changes).refusal
    assert refusal is not None
    return refusal.detail, dict(refusal.hints)


class TestRemembered:
    @pytest.fixture
    def loaded(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The algorithms of the keys that were loaded, in their order."""
        loads: list[str] = []
        load = dpop.verifier
        monkeypatch.setattr(dpop, "verifier", lambda jwk, alg: loads.append(alg) or load(jwk, alg))
        return loads

    def test_the_key_of_a_machine_is_loaded_once_although_others_come_in_between(self, loaded: list[str]) -> None:
        bench, others = Bench(), [stranger(), key_for("Ed25519")]
        for other in others:
            bench.registry.machines[other.thumbprint] = machine_of(other, id=other.alg)
        for _ in range(3):
            assert [bench.code(bench.proof(key=key)) for key in (bench.key, *others)] == [None] * 3
        assert loaded == ["ES256", "ES256", "Ed25519"]

    def test_a_key_is_loaded_again_where_its_header_is_spelled_in_another_way(self, loaded: list[str]) -> None:
        bench = Bench()
        assert [bench.code(bench.proof(header={"kid": kid})) for kid in ("a", "b", "a")] == [None] * 3
        assert len(loaded) == 2

    def test_no_more_than_4096_headers_are_kept_at_any_time(self) -> None:
        bench = Bench()
        reader = bench.guard._reader
        key = reader.read([bench.proof()]).key
        kept = []
        for number in range(4_100):
            reader._remember(b"%d" % number, key)
            kept.append(len(reader._keys))
        assert 4_000 < max(kept) <= 4_096


class TestTold:
    def test_a_proof_that_is_printed_tells_its_key_and_nothing_that_could_be_used(self) -> None:
        bench = Bench()
        sent = bench.proof()
        text = f"{bench.guard._reader.read([sent])!r}"
        assert bench.key.thumbprint in text
        assert not any(part.decode() in text for part in sent.split(b"."))
        assert ath(TOKEN) not in text

    @pytest.mark.parametrize("joint", [b",", b", ", b" ,"])
    @pytest.mark.parametrize("empty", [True, False])
    def test_proofs_that_were_joined_on_the_way_are_called_so(self, joint: bytes, empty: bool) -> None:
        bench = Bench()
        more = b"" if empty else bench.proof()
        for sent in (more + joint + bench.proof(), bench.proof() + joint + more):
            assert "more than one DPoP proof" in refused(bench, sent)[0]
        assert "more than one DPoP proof" in refused(bench, bench.proof(), more)[0]

    def test_an_algorithm_that_is_not_accepted_is_named_and_cut_short(self) -> None:
        bench = Bench(algorithms="ES256, PS256")
        detail, _ = refused(bench, bench.proof(header={"alg": "HS256"}))
        assert "'HS256'" in detail
        assert "ES256, PS256" in detail
        assert len(refused(bench, bench.proof(header={"alg": "x" * 1_000}))[0]) < 100

    @pytest.mark.parametrize(
        ("claims", "wrong"),
        [
            ({"htm": "POST"}, "htm"),
            ({"htq": htq(b"x")}, "htq"),
            ({"htd": content_digest(b"x")}, "htd"),
            ({"htd": "no digest"}, "htd"),
        ],
    )
    def test_a_verified_caller_is_told_which_claim_is_wrong(self, claims: dict[str, str], wrong: str) -> None:
        bench = Bench()
        detail, hints = refused(bench, bench.proof(**claims))
        assert wrong in detail
        assert hints == {"wrong_claim": wrong}

    @pytest.mark.parametrize(
        ("claims", "headers", "told"),
        [
            ({"ath": ath("x")}, [(b"authorization", b"DPoP one")], "authorization"),
            ({"ath": ath("one")}, [(b"authorization", b"DPoP one"), (b"x-api-key", b"two")], "x-api-key"),
            ({"ath": ath("one"), "oth": []}, [(b"authorization", b"DPoP one")], "oth"),
        ],
    )
    def test_the_operator_is_told_which_binding_is_wrong(
        self, claims: dict[str, Any], headers: list[tuple[bytes, bytes]], told: str
    ) -> None:
        bench = Bench(credentials=FURTHER)
        detail, hints = refused(bench, bench.proof(**claims), headers=headers)
        assert told in detail
        assert not hints

    @pytest.mark.parametrize("claims", [{}, {"ath": ABSENT, "oth": {"x-api-key": ath("x")}}])
    def test_the_operator_is_told_that_a_bound_credential_is_not_there(self, claims: dict[str, Any]) -> None:
        bench, route = Bench(credentials=FURTHER), Route(credential=False)
        assert "does not carry" in refused(bench, bench.proof(**claims), headers=[], route=route)[0]
        assert bench.code(bench.proof(ath=ABSENT), headers=[], route=route) is None


def test_an_accepted_request_tells_what_its_proof_binds() -> None:
    bench = Bench()
    nonce = bench.nonces.mint(bench.key.thumbprint, NOW)
    bench.body = b"body"

    def facts(**claims: Any) -> Facts:
        decision: Decision = bench.check(bench.proof(**claims))
        assert decision.allowed
        return decision.facts

    assert facts() == Facts(False, False, False)
    assert facts(nonce=nonce) == Facts(False, False, True)
    assert facts(htq=htq(b"")) == Facts(True, False, False)
    assert facts(htd=content_digest(b"body")) == Facts(False, True, False)
    assert facts(htq=htq(b""), htd=content_digest(b"body"), nonce=nonce) == Facts(True, True, True)
