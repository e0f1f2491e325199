"""Family A: `alg`, and signatures that are not there."""

from __future__ import annotations

from typing import Any

import pytest

from mfa_middleware.firewall import Evidence
from tests.firewall.ring import OneKey, Ring, with_keys
from tests.firewall.tokens import ASYMMETRIC, attacks, findings, ids, segment, token


@pytest.mark.parametrize("signature", [b"", b"sig"])
def test_alg_none_is_an_attack(signature: bytes) -> None:
    (finding,) = findings(token({"alg": "none"}, signature=signature))
    assert (finding.id, finding.evidence, finding.where) == ("alg_none", Evidence.STRUCTURAL, "authorization")


@pytest.mark.parametrize(
    "alg",
    [
        "None", "NONE", "nOnE", "none ", " none", "none\n", "none\0", "n\u200bone", "\uff4e\uff4f\uff4e\uff45",
        ["none"], ["NONE"], "no-ne", "none\t\t",
    ],
)  # fmt: skip
def test_a_spelling_of_none_that_block_lists_miss_is_one_too(alg: Any) -> None:
    assert "alg_none_obfuscated" in attacks(token({"alg": alg}))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_none_is_found_in_any_encoding(encoding: str) -> None:
    assert "alg_none" in attacks(token('{"alg":"none"}'.encode(encoding)))


def test_none_in_escapes_is_none() -> None:
    assert ids(token(b'{"\\u0061lg":"\\u006eone"}')) == ["alg_none"]


@pytest.mark.parametrize("signature", ["", "=", "=="])
def test_a_real_algorithm_without_a_signature_is_an_attack(signature: str) -> None:
    assert "null_signature" in attacks(token({"alg": "RS256"}, signature=signature))


@pytest.mark.parametrize("alg", ["HS256", "HS384", "hs256", "HS256 ", ["HS256"]])
def test_an_hmac_where_only_public_keys_are_in_use_is_key_confusion(alg: Any) -> None:
    assert attacks(token({"alg": alg}), algorithms=ASYMMETRIC) == {"key_confusion"}


def test_an_hmac_is_nothing_where_the_app_does_not_say_or_uses_it() -> None:
    assert ids(token({"alg": "HS256"})) == []
    assert ids(token({"alg": "HS256"}), algorithms=frozenset({"HS256", "RS256"})) == []


def test_an_hmac_under_the_name_of_a_public_key_is_key_confusion_also_beside_secrets() -> None:
    ring = Ring({"a": OneKey(), "b": OneKey(frozenset({"HS256"}), is_symmetric=True)})
    assert "key_confusion" in with_keys(token({"alg": "HS256", "kid": "a"}), ring)
    assert with_keys(token({"alg": "HS256", "kid": "b"}), ring) == set()


@pytest.mark.parametrize(
    ("alg", "trick"),
    [
        ("ES512", "alg_not_accepted"), ("PS256", "alg_not_accepted"), ("XS256", "alg_unknown"), ("", "alg_unknown"),
        ("rs256", "alg_obfuscated"), ("RS256 ", "alg_obfuscated"), ("\uff32\uff33256", "alg_obfuscated"),
        (None, "alg_wrong_type"), (1, "alg_wrong_type"), (True, "alg_wrong_type"), ({}, "alg_wrong_type"),
        (["RS256"], "alg_wrong_type"), ([[]], "alg_wrong_type"), ([], "alg_wrong_type"),
    ],
)  # fmt: skip
def test_any_other_algorithm_is_policy(alg: Any, trick: str) -> None:
    found = findings(token({"alg": alg}), algorithms=ASYMMETRIC)
    assert trick in [finding.id for finding in found]
    assert not any(finding.is_attack for finding in found)


def test_a_header_without_alg_is_policy() -> None:
    (finding,) = findings(f"{segment({'typ': 'JWT'})}.{segment({'exp': 1_800_000_100})}.c2ln".encode())
    assert (finding.id, finding.is_attack) == ("alg_missing", False)


def test_the_algorithm_of_another_key_is_policy() -> None:
    ring = Ring({"a": OneKey(), "b": OneKey(frozenset({"ES256"}))})
    assert with_keys(token({"alg": "ES256", "kid": "a"}), ring) == {"alg_key_mismatch"}
    assert with_keys(token({"alg": "ES256", "kid": "b"}), ring) == set()


@pytest.mark.parametrize(
    ("form", "trick"),
    [
        ("{h}.{p}", "missing_separator"), (".{p}.{s}", "missing_separator"), (".{p}.", "missing_separator"),
        ("{h}.{p}.{s}.{s}", "extra_segments"), ("{h}.{p}.{s}.", "extra_segments"),
        ("{h}.{p}.{s}.{s}.{s}.{s}", "extra_segments"), ("{h}.{p}.{s}.{s}.{s}.{s}.{s}.{s}", "extra_segments"),
    ],
)  # fmt: skip
def test_a_token_of_another_number_of_segments_is_an_attack(form: str, trick: str) -> None:
    h, p, s = token().decode().split(".")
    assert trick in attacks(form.format(h=h, p=p, s=s).encode())


def test_every_match_is_reported() -> None:
    assert attacks(token({"alg": "HS256"}, signature=b""), algorithms=ASYMMETRIC) == {"key_confusion", "null_signature"}
