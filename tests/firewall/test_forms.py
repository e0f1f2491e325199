"""Tokens in forms, and paths on which tricks are only told, in an app whose machines make proofs."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

from mfa_middleware.errors import Code
from tests.helpers.bench import NOW, Bench
from tests.helpers.proofs import ath, content_digest

_FORM = (b"content-type", b"application/x-www-form-urlencoded")


def _forged() -> bytes:
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, {"sub": "admin", "exp": NOW + 60}))
    return b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts) + b"."


def _headers(bench: Bench) -> list[tuple[bytes, bytes]]:
    return [*bench.request().headers, _FORM]


def _posted(bench: Bench, body: bytes, **claims: str) -> Code | None:
    bench.body = body
    proof = bench.proof(htm="POST", **claims)
    decision = bench.decide(bench.request(proof, headers=_headers(bench), method="POST"))
    return decision.refusal.code if decision.refusal else None


def test_a_forgery_in_a_form_is_refused_and_uses_no_proof_up() -> None:
    bench = Bench(form_tokens="access_token")
    assert _posted(bench, b"access_token=" + _forged(), jti="one") is Code.FORGED_TOKEN
    assert _posted(bench, b"access_token=opaque", jti="one") is None
    assert _posted(bench, b"access_token=opaque", jti="one") is Code.RETRIED


def test_a_form_that_the_proof_binds_is_held_against_it_first() -> None:
    bench = Bench(form_tokens="access_token")
    body = b"access_token=" + _forged()
    assert _posted(bench, body, htd=content_digest(b"other")) is Code.WRONG_DIGEST
    assert _posted(bench, body, htd=content_digest(body)) is Code.FORGED_TOKEN


def test_without_the_setting_no_body_is_read() -> None:
    bench = Bench()
    assert _posted(bench, b"access_token=" + _forged()) is None
    assert bench.bodies_read == []


def test_on_a_path_that_is_let_off_a_trick_is_told_and_every_other_check_holds() -> None:
    bench = Bench(firewall_report="/orders/1")
    token = _forged()
    headers = [(b"host", b"api.example.com"), (b"authorization", b"DPoP " + token)]
    proof = bench.proof(ath=ath(token.decode()))
    decision = bench.decide(bench.request(proof, headers=headers))
    assert decision.allowed
    assert "alg_none" in [finding.id for finding in decision.findings]
    again = bench.decide(bench.request(proof, headers=headers))
    assert again.refusal is not None
    assert again.refusal.code is Code.RETRIED
    elsewhere = bench.request(proof, headers=headers, raw_path="/orders/2", routed_path="/orders/2")
    refused = bench.decide(elsewhere).refusal
    assert refused is not None
    assert refused.code is Code.FORGED_TOKEN
