"""Family I: what a proof was refused for, by the name of its trick."""

from __future__ import annotations

from typing import Any

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code
from mfa_middleware.replay import open_store
from tests.firewall.tokens import CLAIMS, token
from tests.helpers.bench import NOW, ORIGIN, Bench, machine_of
from tests.helpers.keys import key_for, stranger
from tests.helpers.proofs import ABSENT, ath, content_digest, htq, jws, proof

HOST = (b"host", b"api.example.com")


def found(decision: Decision) -> dict[str, str]:
    return {finding.id: str(finding.evidence) for finding in decision.findings}


def refused(bench: Bench, *proofs: bytes, **changes: Any) -> tuple[Code, dict[str, str]]:
    decision = bench.check(*proofs, **changes)
    assert decision.refusal is not None
    return decision.refusal.code, found(decision)


@pytest.mark.parametrize(
    ("claims", "code", "trick", "evidence"),
    [
        ({"htm": "POST"}, Code.WRONG_TARGET, "proof_method", "policy"),
        ({"htm": "get"}, Code.WRONG_TARGET, "proof_method", "policy"),
        ({"htu": f"{ORIGIN}/x"}, Code.WRONG_TARGET, "proof_url", "policy"),
        ({"htu": "https://api.example.com@evil.example/"}, Code.WRONG_TARGET, "proof_url_obfuscated", "structural"),
        ({"htu": "https://\uff41pi.example.com/orders/1"}, Code.WRONG_TARGET, "proof_url_obfuscated", "structural"),
        ({"htu": f"{ORIGIN}\\orders/1"}, Code.WRONG_TARGET, "proof_url_obfuscated", "structural"),
        ({"htu": f"{ORIGIN}/ord\ters/1"}, Code.WRONG_TARGET, "proof_url_obfuscated", "structural"),
        ({"htq": htq(b"x")}, Code.WRONG_TARGET, "proof_query", "policy"),
        ({"ath": ath("other")}, Code.WRONG_BINDING, "proof_binding", "policy"),
        ({"ath": ABSENT}, Code.WRONG_BINDING, "proof_binding", "policy"),
        ({"htd": content_digest(b"x")}, Code.WRONG_DIGEST, "proof_body", "policy"),
        ({"iat": NOW - 61}, Code.USE_DPOP_NONCE, "proof_stale", "policy"),
        ({"iat": NOW + 16}, Code.USE_DPOP_NONCE, "proof_from_future", "policy"),
        ({"nonce": "not ours"}, Code.USE_DPOP_NONCE, "proof_nonce", "policy"),
        ({"jti": ""}, Code.MALFORMED_PROOF, "proof_claims", "structural"),
        ({"jti": "x" * 257}, Code.MALFORMED_PROOF, "proof_claims", "structural"),
        ({"jti": ["x"]}, Code.MALFORMED_PROOF, "proof_claims", "structural"),
        ({"htu": ABSENT}, Code.MALFORMED_PROOF, "proof_claims", "structural"),
        ({"iat": "1"}, Code.MALFORMED_PROOF, "proof_claims", "structural"),
    ],
)  # fmt: skip
def test_a_claim_that_is_wrong_has_a_name(claims: dict[str, Any], code: Code, trick: str, evidence: str) -> None:
    bench = Bench()
    assert refused(bench, bench.proof(**claims)) == (code, {trick: evidence})


@pytest.mark.parametrize(
    ("header", "tricks"),
    [
        ({"typ": "JWT"}, {"proof_typ": "policy"}), ({"typ": ABSENT}, {"proof_typ": "policy"}),
        ({"alg": "none"}, {"alg_none": "structural", "proof_algorithm": "policy"}),
        ({"alg": "HS256"}, {"key_confusion": "structural", "proof_algorithm": "policy"}),
        ({"alg": "PS256"}, {"proof_key_type": "structural"}),
        ({"jwk": ABSENT}, {"proof_key_malformed": "structural"}), ({"jwk": []}, {"proof_key_malformed": "structural"}),
        (
            {"jwk": {**key_for("ES256").jwk, "d": "AQ"}},
            {"private_jwk": "structural", "proof_key_malformed": "structural"},
        ),
        ({"jwk": {"kty": "oct", "k": "AQ"}}, {"symmetric_jwk": "structural", "proof_key_malformed": "structural"}),
        ({"crit": ["x"], "x": 1}, {"proof_critical_header": "structural"}),
        ({"b64": True}, {"proof_critical_header": "structural"}),
    ],
)  # fmt: skip
def test_a_header_that_is_wrong_has_names(header: dict[str, Any], tricks: dict[str, str]) -> None:
    bench = Bench()
    _, names = refused(bench, bench.proof(header=header))
    assert {name: names.get(name) for name in tricks} == tricks
    assert "embedded_jwk" not in names


def test_unknown_members_of_a_proof_are_nothing() -> None:
    bench = Bench()
    decision = bench.check(bench.proof(header={"kid": "../x", "x5c": [], "x": 1}, scope=["a"]))
    assert (decision.allowed, decision.findings) == (True, ())


def test_several_proofs_are_named_in_every_form() -> None:
    bench = Bench()
    one, two = bench.proof(), bench.proof()
    for proofs in ([one, two], [one + b"," + two], [one + b", " + two]):
        assert refused(bench, *proofs) == (Code.MALFORMED_PROOF, {"multiple_proofs": "structural"})


def test_a_signature_by_another_key_is_policy_and_zeros_are_confirmed() -> None:
    bench = Bench()
    forged = bench.proof(key=stranger(), header={"jwk": bench.key.jwk})
    assert refused(bench, forged) == (Code.BAD_SIGNATURE, {"proof_signature": "policy"})
    zeros = proof(bench.key, bench.claims(), signature=bytes(64))
    assert refused(bench, zeros)[1] == {"proof_signature": "policy", "psychic_signature": "confirmed"}


def bound_to(thumbprint: str, scheme: str = "DPoP") -> tuple[bytes, list[tuple[bytes, bytes]]]:
    presented = token(payload=CLAIMS | {"cnf": {"jkt": thumbprint}})
    return presented, [HOST, (b"authorization", scheme.encode() + b" " + presented)]


def test_a_stolen_token_with_an_own_proof_is_named_whether_the_key_is_enrolled_or_not() -> None:
    bench = Bench()
    presented, headers = bound_to("A" * 43)
    own = bench.proof(ath=ath(presented))
    assert refused(bench, own, headers=headers) == (Code.WRONG_BINDING, {"proof_key_mismatch": "structural"})
    unknown = bench.proof(key=stranger(), ath=ath(presented))
    assert refused(bench, unknown, headers=headers) == (Code.UNKNOWN_MACHINE, {"proof_key_mismatch": "structural"})


def test_an_unknown_key_is_policy() -> None:
    bench = Bench()
    assert refused(bench, bench.proof(key=stranger())) == (Code.UNKNOWN_MACHINE, {"proof_key_unknown": "policy"})


@pytest.mark.parametrize(
    ("scheme", "names"),
    [
        ("Bearer", {"bearer_downgrade": "structural"}), ("bEARER", {"bearer_downgrade": "structural"}),
        ("DPoP", {"bound_token_without_proof": "policy"}),
    ],
)  # fmt: skip
def test_a_bound_token_without_a_proof_has_a_name(scheme: str, names: dict[str, str]) -> None:
    bench = Bench()
    _, headers = bound_to("A" * 43, scheme)
    decision = bench.decide(bench.request(headers=headers))
    assert decision.refusal is not None
    assert (decision.refusal.code, found(decision)) == (Code.MISSING_PROOF, names)


def test_a_request_without_a_proof_has_no_name() -> None:
    bench = Bench()
    assert bench.decide(bench.request()).findings == ()


def test_a_used_proof_is_confirmed() -> None:
    bench = Bench()
    used = bench.proof()
    assert bench.check(used).allowed
    bench.clock.advance(11)
    assert refused(bench, used, peer="198.51.100.9") == (Code.REPLAYED, {"proof_replay": "confirmed"})


def test_a_first_proof_without_a_nonce_has_no_name() -> None:
    bench = Bench(nonce="required")
    assert refused(bench, bench.proof()) == (Code.USE_DPOP_NONCE, {})


def test_a_flood_of_proofs_has_a_name() -> None:
    bench = Bench()
    store = open_store("memory:", capacity=1_000, quota=1, app="test", never_cold=True, clock=bench.clock)
    bench = Bench(store=store)
    assert bench.check().allowed
    while (decision := bench.check()).allowed:
        pass
    assert found(decision) == {"replay_flood": "policy"}


def test_another_algorithm_than_that_of_the_machine_has_a_name() -> None:
    bench = Bench(key=key_for("Ed25519"))
    bench.registry.machines[bench.key.thumbprint] = machine_of(bench.key, algorithm="ES256")
    assert refused(bench, bench.proof())[1] == {"proof_algorithm": "policy"}


@pytest.mark.parametrize(
    ("line", "trick"),
    [
        (b"junk", "missing_separator"), (b"a.b.c.d", "extra_segments"), (b'{"payload":"x"}', "json_serialization"),
        (b"A" * 20_000, "oversize_token"), (b"A" * 400_000, "oversize_token"),
    ],
)  # fmt: skip
def test_what_is_no_proof_is_named_without_reading_it(line: bytes, trick: str) -> None:
    assert refused(Bench(), line)[1] == {trick: "structural"}


def test_a_flood_of_broken_proofs_is_read_at_length_only_so_often() -> None:
    bench = Bench()
    broken = jws(bench.key, b'{"typ":"dpop+jwt","alg":"ES256","alg":"none"}', {})
    names = [refused(bench, broken)[1] for _ in range(150)]
    assert "duplicate_header" in names[0]
    assert names[-1] == {}
    bench.clock.advance(60)
    assert "duplicate_header" in refused(bench, broken)[1]


def test_a_forged_token_that_is_also_a_replay_is_named_as_forged_first() -> None:
    bench = Bench()
    presented = b"eyJhbGciOiJub25lIn0.e30."
    headers = [HOST, (b"authorization", b"Bearer " + presented)]
    used = bench.proof(ath=ath(presented))
    report = Bench(firewall="report", store=bench.store)
    assert report.check(used, headers=headers).allowed
    bench.clock.advance(11)
    code, names = refused(bench, used, headers=headers)
    assert code is Code.FORGED_TOKEN
    assert names["alg_none"] == "structural"
