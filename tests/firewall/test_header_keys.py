"""Family B: keys in the header, and addresses of keys."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import pytest

from tests.firewall.ring import OneKey, Ring, with_keys
from tests.firewall.tokens import CLAIMS, attacks, ids, token
from tests.helpers.keys import b64, key_for, rsa_jwk, stranger

EC = stranger().jwk


def test_a_key_in_the_header_is_an_attack() -> None:
    assert attacks(token({"jwk": EC})) == {"embedded_jwk"}


@pytest.mark.parametrize("jwk", [{}, [], "x", None, {"kty": []}, {"kty": "EC", "crv": {}}])
def test_whatever_the_key_is(jwk: Any) -> None:
    assert "embedded_jwk" in attacks(token({"jwk": jwk}))


def test_an_own_key_under_the_kid_of_a_registered_one_is_a_graft() -> None:
    ring = Ring({"a": OneKey(thumbprint=key_for("ES256").thumbprint)})
    assert "jwk_kid_graft" in with_keys(token({"jwk": EC, "kid": "a"}), ring)
    assert "jwk_kid_graft" not in with_keys(token({"jwk": key_for("ES256").jwk, "kid": "a"}), ring)
    assert "jwk_kid_graft" not in with_keys(token({"jwk": EC, "kid": "b"}), ring)


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"])
def test_a_private_key_in_the_header_is_named_for_its_owner(member: str) -> None:
    assert attacks(token({"jwk": {**EC, member: "AQ"}})) == {"embedded_jwk", "private_jwk"}


@pytest.mark.parametrize("jwk", [{"kty": "oct", "k": "AQ"}, {"kty": "oct"}, {**EC, "k": "AQ"}])
def test_a_secret_in_the_header_is_an_attack(jwk: dict[str, str]) -> None:
    assert attacks(token({"jwk": jwk})) == {"embedded_jwk", "symmetric_jwk"}


def test_the_address_of_keys_is_an_attack() -> None:
    assert attacks(token({"jku": "https://keys.example.com/jwks.json"})) == {"jku_spoof"}
    assert attacks(token({"x5u": "https://keys.example.com/cert.pem"})) == {"x5u_spoof"}
    assert attacks(token({"jku": ["https://a"]})) == {"jku_spoof"}


@pytest.mark.parametrize(
    "address",
    [
        "https://idp.example.com@evil.example/k", "https://idp.example.com\\@evil.example/k",
        "https://idp.example.com%2f.evil.example/", "https://idp.example.com/?redirect_uri=https://evil.example",
        "https://idp.example\u3002com/", "https://idp.example.com\t.evil.example/", "https://a/?url=https://b",
    ],
)  # fmt: skip
def test_an_address_that_hides_its_host_is_told_apart(address: str) -> None:
    assert attacks(token({"jku": address})) == {"jku_spoof", "jku_disguised"}


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd", "data:application/json,{}", "ftp://evil.example/k", "http://127.0.0.1/k", "http://[::1]/k",
        "http://localhost:8080/k", "http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/k",
        "http://10.0.0.8/k", "http://2130706433/k", "http://0x7f.1/k", "http://keys.internal/k", "http://[bad/k",
    ],
)  # fmt: skip
def test_an_address_inside_the_network_is_told_apart(address: str) -> None:
    assert "jku_internal" in attacks(token({"jku": address}))
    assert "jku_internal" in attacks(token({"x5u": address}))


def test_a_certificate_in_the_header_is_policy_unless_it_is_registered() -> None:
    chain = [b64encode(b"the certificate").decode()]
    assert ids(token({"x5c": chain})) == ["x5c_injection"]
    assert attacks(token({"x5c": chain})) == set()
    ring = Ring({"a": OneKey(certificate=b"the certificate")})
    assert with_keys(token({"x5c": chain}), ring) == set()
    assert with_keys(token({"x5c": [b64encode(b"x").decode()]}), ring) == {"x5c_injection"}


@pytest.mark.parametrize("chain", [[], "x", [1], ["\u20ac"], None, {}])
def test_a_chain_of_any_form_is_inspected(chain: Any) -> None:
    assert ids(token({"x5c": chain})) == ["x5c_injection"]


def test_the_thumbprint_of_another_certificate_is_an_attack() -> None:
    ring = Ring({"a": OneKey(certificate=b"the certificate")})
    right = b64(hashlib.sha256(b"the certificate").digest())
    old = b64(hashlib.sha1(b"the certificate").digest())
    assert with_keys(token({"x5t#S256": right, "x5t": old}), ring) == set()
    assert with_keys(token({"x5t#S256": b64(bytes(32))}), ring) == {"x5t_mismatch"}
    assert with_keys(token({"x5t": 1}), ring) == {"x5t_mismatch"}
    assert with_keys(token({"x5t": "x"}), Ring()) == set(), "no certificate is registered"
    assert ids(token({"x5t": "x"})) == []


@pytest.mark.parametrize(
    "issuer",
    [
        "https://idp.example.com@evil.example/", "https://idp.example.com\\evil", "https://idp.example.com\x00",
        "file:///etc/keys", "http://169.254.169.254/", "https://idp%2eexample.com/", "data:,x",
    ],
)  # fmt: skip
def test_an_issuer_that_leads_key_lookup_astray_is_an_attack(issuer: str) -> None:
    assert "issuer_url_trick" in attacks(token(payload={**CLAIMS, "iss": issuer}))


@pytest.mark.parametrize(
    "issuer",
    [
        "https://idp.example.com/", "https://kc.example.com:8443/realms/a", "press@idp.example.com", "joe",
        "did:web:a.b",
        "https://sts.windows.net/8e1d/", "http://localhost:8080/realms/x", "https://\u043f\u0440.\u0440\u0444/",
        "https://idp.example.com/a?b=c@d", "https://idp.example.com/@user", "urn:example:idp", "",
    ],
)  # fmt: skip
def test_an_issuer_of_any_honest_form_is_nothing(issuer: str) -> None:
    assert ids(token(payload={**CLAIMS, "iss": issuer})) == []


@pytest.mark.parametrize(
    ("jwk", "trick"),
    [
        (rsa_jwk(2**1023 + 1), "rsa_weak_key"), (rsa_jwk(2**2047 + 1, 1), "rsa_weak_key"),
        (rsa_jwk(2**2047 + 1, 4), "rsa_weak_key"), (rsa_jwk(2**2047), "rsa_weak_key"),
        ({"kty": "RSA"}, "rsa_weak_key"), ({"kty": "RSA", "n": 1, "e": []}, "rsa_weak_key"),
        ({**EC, "y": EC["x"]}, "invalid_point"), ({**EC, "crv": "P-384"}, "invalid_point"),
        ({"kty": "EC", "crv": "P-256"}, "invalid_point"),
        ({"kty": "OKP", "crv": "Ed25519", "x": b64(bytes(32))}, "eddsa_small_order"),
    ],
)  # fmt: skip
def test_a_weak_key_in_the_header_is_told_apart(jwk: dict[str, Any], trick: str) -> None:
    assert attacks(token({"jwk": jwk})) == {"embedded_jwk", trick}


@pytest.mark.parametrize("alg", ["ES256", "ES384", "PS256", "Ed25519"])
def test_a_sound_key_is_not_called_weak(alg: str) -> None:
    assert attacks(token({"jwk": key_for(alg).jwk})) == {"embedded_jwk"}
