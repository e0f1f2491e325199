"""Families F and G: critical headers, kinds of tokens, and encrypted tokens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.firewall.tokens import CLAIMS, attacks, findings, ids, segment, token


@pytest.mark.parametrize("crit", [[], "exp", None, {}, [1], [["a"]], ["x", "x"], ["alg"], ["missing"]])
def test_a_malformed_crit_is_an_attack(crit: Any) -> None:
    assert "crit_malformed" in attacks(token({"crit": crit, "x": 1}))


@pytest.mark.parametrize("names", [["x"], ["x", "y"], ["http://example.com/ext"]])
def test_an_extension_that_must_be_understood_is_an_attack(names: list[str]) -> None:
    assert attacks(token({"crit": names, **dict.fromkeys(names, 1)})) == {"crit_unknown"}


@pytest.mark.parametrize("value", [True, False, "false", None, 0])
def test_a_payload_that_is_not_encoded_is_an_attack(value: Any) -> None:
    assert attacks(token({"b64": value})) == {"unencoded_payload"}
    assert "unencoded_payload" in attacks(token({"b64": value, "crit": ["b64"]}))


def test_a_detached_payload_is_an_attack() -> None:
    assert attacks(token(payload=b"")) == {"detached_payload"}


@pytest.mark.parametrize("typ", ["dpop+jwt", "application/DPoP+JWT", "kb+jwt", "wpt+jwt"])
def test_a_proof_sent_as_a_token_is_an_attack(typ: str) -> None:
    assert attacks(token({"typ": typ})) == {"proof_as_token"}


def test_a_proof_is_known_by_its_claims_too() -> None:
    claims = {"htm": "GET", "htu": "https://a/", "jti": "x"}
    assert attacks(token(payload=CLAIMS | claims)) == {"proof_as_token"}
    assert attacks(token({"typ": "x"}, payload=CLAIMS | claims)) == {"proof_as_token"}


@pytest.mark.parametrize("typ", ["logout+jwt", "secevent+jwt", "vp+jwt", 7, [], None])
def test_a_token_of_another_kind_is_policy(typ: Any) -> None:
    assert ids(token({"typ": typ})) == ([] if typ is None else ["foreign_typ"])
    assert attacks(token({"typ": typ})) == set()


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT", "JOSE", "anything"])
def test_other_types_are_nothing(typ: str) -> None:
    assert ids(token({"typ": typ})) == []


@pytest.mark.parametrize("claim", ["at_hash", "c_hash", "nonce", "s_hash"])
def test_an_id_token_is_policy(claim: str) -> None:
    assert ids(token(payload=CLAIMS | {claim: "A" * 22})) == ["id_token_as_access_token"]


@pytest.mark.parametrize("member", ["zip", "epk", "apu", "apv", "p2s", "tag"])
def test_headers_of_encryption_in_a_signed_token_are_policy(member: str) -> None:
    assert ids(token({member: "x"})) == ["foreign_header"]


def test_unknown_headers_are_nothing() -> None:
    assert ids(token({"x-tenant": 7, "iss": "https://a", "ver": {"a": [1]}, "x5t": "abc", "\u00fc": "\u00fc"})) == []


def encrypted(**header: Any) -> bytes:
    members = {"alg": "RSA-OAEP-256", "enc": "A256GCM"} | header
    return f"{segment(members)}.{'A' * 342}.{'A' * 16}.AAAA.{'A' * 22}".encode()


def test_an_encrypted_token_is_an_attack() -> None:
    (finding,) = findings(encrypted())
    assert (finding.id, finding.is_attack) == ("jwe_for_jws", True)
    assert "jwe_for_jws" in attacks(token({"enc": "A256GCM"}))


@pytest.mark.parametrize(
    ("header", "trick"),
    [
        ({"alg": "dir"}, "jwe_symmetric"), ({"alg": "A128KW"}, "jwe_symmetric"),
        ({"alg": "A256GCMKW"}, "jwe_symmetric"),
        ({"alg": "PBES2-HS256+A128KW"}, "jwe_symmetric"), ({"alg": "RSA1_5"}, "jwe_rsa1_5"),
        ({"alg": "ECDH-ES"}, "jwe_curve"), ({"alg": "ECDH-ES+A128KW", "epk": {}}, "jwe_curve"),
        ({"p2c": 10**9}, "jwe_pbes2_count"), ({"p2c": 1}, "jwe_pbes2_count"), ({"zip": "DEF"}, "jwe_zip"),
    ],
)  # fmt: skip
def test_what_is_dangerous_in_an_encrypted_token_is_named(header: dict[str, Any], trick: str) -> None:
    assert {"jwe_for_jws", trick} == attacks(encrypted(**header))


def test_a_short_tag_or_a_missing_key_is_an_attack() -> None:
    head, key, iv, text, tag = encrypted().decode().split(".")
    assert attacks(f"{head}.{key}.{iv}.{text}.{tag[:10]}".encode()) == {"jwe_for_jws", "jwe_short_tag"}
    assert attacks(f"{head}..{iv}.{text}.{tag}".encode()) == {"jwe_for_jws", "jwe_short_tag"}
    direct = encrypted(alg="dir").decode().split(".")
    assert "jwe_short_tag" not in attacks(".".join((direct[0], "", *direct[2:])).encode())
