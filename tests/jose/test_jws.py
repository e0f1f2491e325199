from __future__ import annotations

from typing import Any

import pytest

from mfa_middleware.jose.jws import InvalidSignature, Malformed, verify_compact
from tests.helpers.keys import key_for
from tests.helpers.proofs import jws

PAYLOAD = b'{"sub":"a"}'
KEY = key_for("ES256")


def test_the_payload_of_a_good_token_is_returned() -> None:
    assert verify_compact(jws(KEY, {"alg": "ES256"}, PAYLOAD), KEY.jwk, "ES256") == PAYLOAD


def test_a_payload_need_not_be_json() -> None:
    assert verify_compact(jws(KEY, {"alg": "ES256"}, b""), KEY.jwk, "ES256") == b""


@pytest.mark.parametrize("alg", ["none", "ES384", "HS256", "", None, 1, ["ES256"], "ES256 ", "es256"])
def test_a_token_names_exactly_the_algorithm_of_the_key(alg: Any) -> None:
    with pytest.raises(Malformed):
        verify_compact(jws(KEY, {"alg": alg}, PAYLOAD), KEY.jwk, "ES256")


@pytest.mark.parametrize(
    "header",
    [{"crit": ["b64"], "b64": False}, {"crit": []}, {"b64": True}, {"crit": ["exp"], "exp": 1}, {"b64": False}],
)
def test_critical_and_unencoded_parts_are_refused(header: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        verify_compact(jws(KEY, {"alg": "ES256", **header}, PAYLOAD), KEY.jwk, "ES256")


def test_another_key_does_not_verify() -> None:
    other = key_for("Ed25519")
    token = jws(other, {"alg": "ES256"}, PAYLOAD)
    with pytest.raises(InvalidSignature):
        verify_compact(token, KEY.jwk, "ES256")


def test_the_key_in_the_header_is_not_looked_at() -> None:
    thief = key_for("ES384")
    token = jws(thief, {"alg": "ES256", "jwk": thief.jwk}, PAYLOAD)
    with pytest.raises(InvalidSignature):
        verify_compact(token, KEY.jwk, "ES256")


@pytest.mark.parametrize("name", ["HS256", "none", "RS256"])
def test_a_public_key_is_no_secret(name: str) -> None:
    with pytest.raises(Malformed):
        verify_compact(jws(KEY, {"alg": name}, PAYLOAD), KEY.jwk, name)


def test_another_spelling_of_a_good_token_is_refused() -> None:
    token = jws(KEY, {"alg": "ES256"}, PAYLOAD)
    for other in (token + b"=", token + b"\n", b" " + token, token.replace(b".", b"=.", 1), token[:-1] + b"B"):
        with pytest.raises((Malformed, InvalidSignature)):
            verify_compact(other, KEY.jwk, "ES256")


def test_a_duplicate_alg_is_refused() -> None:
    token = jws(KEY, b'{"alg":"none","alg":"ES256"}', PAYLOAD)
    with pytest.raises(Malformed):
        verify_compact(token, KEY.jwk, "ES256")
