"""The whole check with registered keys: what verifies passes, what does not is refused and named."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code
from tests.firewall.keys.material import jwk_of, pem_of, private_key
from tests.firewall.tokens import segment
from tests.helpers.bench import NOW, Bench
from tests.helpers.keys import b64
from tests.helpers.proofs import ath

HOST = (b"host", b"api.example.com")
CLAIMS = {"iss": "https://idp.example.com", "sub": "press-4", "aud": "api", "exp": NOW + 600}
KEY = private_key("RS256")
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signed(algorithm: str = "RS256", key: Any = KEY, claims: Any = CLAIMS, **header: Any) -> bytes:
    return jwt.encode(claims, key, algorithm, headers=header).encode()


def by_hmac(secret: bytes, **header: Any) -> bytes:
    message = f"{segment({'alg': 'HS256'} | header)}.{segment(CLAIMS)}"
    return f"{message}.{b64(hmac.digest(secret, message.encode(), 'sha256'))}".encode()


def check(token: bytes, **settings: Any) -> Decision:
    bench = Bench(**({"jwt_keys": [pem_of(KEY)]} | settings))
    return bench.check(bench.proof(ath=ath(token)), headers=[HOST, (b"authorization", b"Bearer " + token)])


def named(decision: Decision) -> dict[str, str]:
    return {finding.id: str(finding.evidence) for finding in decision.findings}


def test_what_verifies_passes() -> None:
    decision = check(signed())
    assert (decision.allowed, decision.findings) == (True, ())


@pytest.mark.parametrize(
    ("claims", "trick"),
    [({"exp": NOW - 60}, "expired_token"), ({"exp": NOW + 9, "nbf": NOW + 60}, "nbf_future")],
)
def test_a_token_out_of_time_is_refused_as_policy(claims: dict[str, Any], trick: str) -> None:
    decision = check(signed(claims=CLAIMS | claims))
    assert named(decision) == {trick: "policy"}
    assert decision.refusal is not None
    assert decision.refusal.code is Code.FORGED_TOKEN
    assert decision.refusal.detail == f"the bearer token does not verify: {trick}"


def test_a_token_for_others_is_refused_as_policy() -> None:
    settings = {"jwt_issuers": "https://idp.example.com", "jwt_audiences": "api"}
    assert check(signed(), **settings).allowed
    assert named(check(signed(claims=CLAIMS | {"aud": "other"}), **settings)) == {"audience_mismatch": "policy"}
    decision = check(signed(claims=CLAIMS | {"iss": "https://other.example"}), **settings)
    assert (decision.allowed, named(decision)) == (False, {"issuer_unknown": "policy"})


def test_a_wrong_signature_is_refused() -> None:
    decision = check(signed()[:-8] + b"AAAAAAAA")
    assert (decision.allowed, named(decision)) == (False, {"signature_invalid": "policy"})
    decision = check(signed("PS256"))
    assert (decision.allowed, named(decision)) == (False, {"alg_not_accepted": "policy"})


def test_a_signature_of_another_algorithm_by_the_right_key_has_a_name() -> None:
    head, payload, _ = signed().decode().split(".")
    message = f"{head}.{payload}".encode()
    for scheme, digest in (
        (padding.PKCS1v15(), hashes.SHA512()),
        (padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()),
    ):
        decision = check(message + b"." + b64(KEY.sign(message, scheme, digest)).encode())
        assert named(decision) == {"signature_invalid": "policy", "alg_key_mismatch": "policy"}


@pytest.mark.parametrize("lax", ["surplus", "other padding", "no identifier"])
def test_a_forged_padding_is_confirmed(lax: str) -> None:
    head, payload, _ = signed().decode().split(".")
    message = f"{head}.{payload}".encode()
    digest, size, numbers = hashlib.sha256(message).digest(), KEY.key_size // 8, KEY.private_numbers()
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    opened = {
        "surplus": b"\0\1\xff\xff\xff\xff\xff\xff\xff\xff\0" + info,
        "other padding": (b"\0\1" + b"\xfe" * (size - len(info) - 3) + b"\0" + info),
        "no identifier": (b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest),
    }[lax].ljust(size, b"\x41")
    made = pow(int.from_bytes(opened), numbers.d, numbers.public_numbers.n).to_bytes(size)
    names = named(check(message + b"." + b64(made).encode()))
    assert names == {"signature_invalid": "policy", "rsa_padding": "confirmed"}


def test_a_public_key_as_a_secret_is_confirmed() -> None:
    for secret in (PUBLIC, PUBLIC.strip(), PUBLIC.replace(b"\n", b"\r\n")):
        decision = check(by_hmac(secret))
        assert (decision.allowed, named(decision)) == (False, {"key_confusion": "confirmed"})


def test_an_empty_and_a_known_secret_are_confirmed_beside_what_is_seen() -> None:
    assert named(check(by_hmac(b""))) == {"key_confusion": "structural", "blank_hmac": "confirmed"}
    assert named(check(by_hmac(b"secret"))) == {"key_confusion": "structural", "weak_hmac": "confirmed"}


def test_a_token_under_its_own_key_is_confirmed() -> None:
    own = private_key("ES256")
    decision = check(signed("ES256", own, jwk=jwk_of(own)))
    assert named(decision)["embedded_jwk"] == "confirmed"
    assert not decision.allowed


def test_another_registered_key_may_not_sign_for_this_one() -> None:
    own, other = private_key("ES256"), ec.generate_private_key(ec.SECP256R1())
    keys = [json.dumps(jwk_of(key, alg="ES256", kid=kid)) for kid, key in (("a", own), ("b", other))]
    assert check(signed("ES256", own, kid="a"), jwt_keys=keys).allowed
    decision = check(signed("ES256", own, kid="b"), jwt_keys=keys)
    assert (decision.allowed, named(decision)["kid_cross_tenant"]) == (False, "confirmed")


@pytest.mark.parametrize("settings", [{"firewall": "report"}, {"mode": "report"}])
def test_in_report_mode_a_forgery_is_named_and_passes(settings: dict[str, str]) -> None:
    decision = check(by_hmac(b""), **settings)
    assert (decision.allowed, named(decision)["blank_hmac"]) == (True, "confirmed")


def test_a_payload_that_is_no_json_passes_where_it_verifies() -> None:
    decision = check(jwt.api_jws.encode(b"Test", KEY, "RS256").encode())
    assert (decision.allowed, named(decision)) == (True, {"payload_not_json": "policy"})


def test_an_opaque_credential_is_left_to_the_app() -> None:
    assert check(b"opaque").allowed
    assert check(b"dXNlcjpwYXNz==").allowed


def test_segments_without_a_header_are_a_broken_token_unless_the_operator_knows_better() -> None:
    for token in (b"abc.def", b".abc.def", b".abc.", b"..", b".a.b.c.d"):
        decision = check(token)
        assert (decision.allowed, named(decision)) == (False, {"missing_separator": "structural"}), token
        assert check(token, firewall_allow="missing_separator").allowed
        assert check(token, jwt_keys="").allowed
