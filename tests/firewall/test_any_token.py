"""Any token at all: no exception, no detector passed over in vain, bounded time, and nothing of it told."""

from __future__ import annotations

import json
import time
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfa_middleware.firewall import CATALOG, Inspector, Policy
from mfa_middleware.firewall.reading import read
from scripts.benchmarks.firewall import hostile
from tests.firewall.ring import OneKey, Ring, with_keys
from tests.firewall.tokens import ASYMMETRIC, NOW, SIGNATURES, findings, segment, token, verdict
from tests.helpers.keys import b64

POLICIES: Final = (
    {},
    {"algorithms": ASYMMETRIC},
    {"issuers": frozenset({"https://idp.example.com"}), "audiences": frozenset({"api"})},
)
NAMES: Final = (
    "alg", "typ", "kid", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "enc", "zip", "p2c", "epk",
    "cty",
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "nonce", "at_hash", "htm", "htu", "x", "Alg", "\u00e9",
)  # fmt: skip
TEXTS: Final = (
    "none", "HS256", "ES256", "EdDSA", "RS256", "JWT", "dpop+jwt", "https://idp.example.com", "../x", "' or 1=1--",
    "api",
    "RSA", "EC", "P-256", "OKP", "Ed25519", "\ud800", "\0", "a" * 50, "file:///x", "A" * 43,
)  # fmt: skip
members = st.sampled_from([*NAMES, "kty", "crv", "n", "e", "d", "jkt"])
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(TEXTS)
values = st.recursive(
    plain | st.sampled_from([NOW, NOW + 600, NOW * 1000, 0]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(members, inner, max_size=5),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=6)
signatures = st.binary(max_size=80) | st.sampled_from([*SIGNATURES.values(), bytes(64), bytes(256), b""])


@settings(max_examples=600)
@given(objects, objects, signatures, st.sampled_from(POLICIES))
def test_any_header_and_claims(
    header: dict[str, Any], claims: dict[str, Any], sig: bytes, policy: dict[str, Any]
) -> None:
    presented = f"{segment(header)}.{segment(claims)}.{b64(sig)}".encode()
    for finding in findings(presented, **policy):
        assert finding.id in CATALOG
    for alg in ("RS256", "ES256"):
        findings(token({"alg": alg, **header}, claims, sig), **policy)
        with_keys(token({"alg": alg, **header}, claims, sig), Ring({"a": OneKey(certificate=b"x")}))


@settings(max_examples=600)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes(raw: bytes, forced: bool) -> None:
    for presented in (
        raw, b"eyJ" + raw, token() + raw, token()[:-200] + raw, b'{"payload":"e30","signatures":' + raw,
        f"{b64(raw)}.e30.".encode(), f"{segment({'alg': 'RS256'})}.{b64(raw)}.AA".encode(),
        raw.replace(b".", b"") + b"..",
    ):  # fmt: skip
        verdict(presented)
        read(presented, forced=forced)


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_any_json_text(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    for presented in (token(raw), token(payload=raw), token(payload=b'{"a":' + raw + b"}"), token(payload=b"{" + raw)):
        findings(presented)


@given(values)
def test_a_key_id_and_an_algorithm_of_any_type(value: Any) -> None:
    for name in ("alg", "kid", "jwk", "crit", "typ"):
        findings(token({name: value}))


@given(st.dictionaries(st.sampled_from(["a", "b", "iss"]), values, max_size=3))
def test_json_forms_of_any_shape(members: dict[str, Any]) -> None:
    for extra in ({"payload": "e30", "signature": "AA"}, {"ciphertext": "x"}, {"payload": 1, "signatures": [members]}):
        verdict(json.dumps({**members, **extra}).encode())


@pytest.mark.parametrize("presented", list(hostile()), ids=lambda presented: f"{len(presented)} bytes")
def test_a_hostile_token_takes_bounded_time(presented: bytes) -> None:
    """2 ms on a quiet machine; here only that nothing grows with the square of the length."""
    inspector = Inspector(Policy(algorithms=ASYMMETRIC))
    inspector.inspect(presented, "x", NOW)
    spent = []
    for _ in range(5):
        began = time.process_time()
        inspector.inspect(presented, "x", NOW)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.02


def test_nothing_of_a_token_is_told() -> None:
    marked = "Zq7" * 9
    presented = token(
        {"kid": f"../{marked}", "jku": f"file:///{marked}", "crit": [marked]}, {"iss": [marked], "sub": marked}
    )
    said = verdict(presented)
    assert len(said.findings) >= 5
    assert marked not in "".join(str(finding) for finding in said.findings)
    assert marked not in repr(said)
    assert marked not in repr(read(presented))
