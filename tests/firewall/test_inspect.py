from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa_middleware.firewall import CATALOG, Evidence, inspect
from tests.helpers.keys import b64

ASYMMETRIC = frozenset({"RS256", "ES256"})
NOTHING: frozenset[str] = frozenset()


def token(header: Any, *, signature: str = "c2ln") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return f"{b64(raw)}.e30.{signature}".encode()


def found(header: Any, accepted: frozenset[str] = NOTHING, **options: Any) -> list[str]:
    return [finding.id for finding in inspect(token(header, **options), "authorization", accepted)]


def test_an_honest_token_has_no_finding() -> None:
    assert found({"alg": "RS256", "kid": "1"}) == []
    assert found({"alg": "RS256"}, ASYMMETRIC) == []
    assert found({"alg": "HS256"}, frozenset({"HS256"})) == []


@pytest.mark.parametrize("signature", ["", "c2ln"])
def test_alg_none_is_an_attack(signature: str) -> None:
    (finding,) = inspect(token({"alg": "none"}, signature=signature), "authorization", NOTHING)
    assert (finding.id, finding.evidence, finding.where) == ("alg_none", Evidence.STRUCTURAL, "authorization")
    assert finding.is_attack


@pytest.mark.parametrize(
    "alg",
    [
        "None",
        "NONE",
        "nOnE",
        "none ",
        " none",
        "none\n",
        "none\0",
        "n\u200bone",
        "\uff4e\uff4f\uff4e\uff45",
        ["none"],
        ["NONE"],
        "no-ne",
        "none\t\t",
    ],
)
def test_a_spelling_of_none_that_block_lists_miss_is_one_too(alg: Any) -> None:
    assert found({"alg": alg}) == ["alg_none_obfuscated"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_header_in_another_unicode_is_read_as_lenient_libraries_do(encoding: str) -> None:
    assert found('{"alg":"none"}'.encode(encoding)) == ["alg_none"]


def test_an_escaped_none_is_none() -> None:
    assert found(b'{"\\u0061lg":"\\u006eone"}') == ["alg_none"]


def test_padding_hides_nothing() -> None:
    header = b64(b'{"alg":"none"}') + "="
    assert [one.id for one in inspect(f"{header}.e30.".encode(), "x-api-key", NOTHING)] == ["alg_none"]


@pytest.mark.parametrize("signature", ["", "=", "=="])
def test_a_real_algorithm_without_a_signature_is_an_attack(signature: str) -> None:
    assert found({"alg": "RS256"}, signature=signature) == ["null_signature"]


@pytest.mark.parametrize("alg", ["HS256", "HS384", "hs256", "HS256 ", ["HS256"]])
def test_an_hmac_where_only_public_keys_are_in_use_is_key_confusion(alg: Any) -> None:
    assert found({"alg": alg}, ASYMMETRIC) == ["key_confusion"]


def test_an_hmac_is_nothing_where_the_app_does_not_say() -> None:
    assert found({"alg": "HS256"}) == []


@pytest.mark.parametrize("alg", ["ES512", "PS256", "", "x", None, 1, 1.5, True, [], {}, ["RS256"], [[]], {"a": []}])
def test_any_other_algorithm_is_reported_as_policy(alg: Any) -> None:
    (finding,) = inspect(token({"alg": alg}), "authorization", ASYMMETRIC)
    assert (finding.id, finding.is_attack) == ("alg_not_accepted", False)


def test_every_match_is_reported() -> None:
    assert found({"alg": "HS256"}, ASYMMETRIC, signature="") == ["key_confusion", "null_signature"]


@pytest.mark.parametrize(
    "credential",
    [b"opaque", b"sk.live.abc", b"..", b"a.b.c", b"e30.e30.", b"W10.e30.", b"dXNlcjpwYXNz", b"\xff.\xff.\xff"],
)
def test_a_credential_that_is_no_jwt_has_no_finding(credential: bytes) -> None:
    assert inspect(credential, "x-api-key", ASYMMETRIC) == ()


def test_a_long_header_is_inspected_up_to_16_kib() -> None:
    assert found({"x": "A" * 8_000, "alg": "none"}) == ["alg_none"]
    assert found({"x": "A" * 13_000, "alg": "none"}) == []


@given(st.binary(max_size=80), st.sampled_from([NOTHING, ASYMMETRIC]))
def test_any_credential_is_inspected_without_an_error(raw: bytes, accepted: frozenset[str]) -> None:
    inspect(raw, "x-api-key", accepted)
    inspect(b64(raw).encode() + b".e30.", "x-api-key", accepted)


@given(
    st.dictionaries(
        st.sampled_from(["alg", "kid"]), st.recursive(st.none() | st.text() | st.floats() | st.integers(), st.lists)
    )
)
def test_any_algorithm_is_inspected_without_an_error(header: dict[str, Any]) -> None:
    for finding in inspect(token(header), "x-api-key", ASYMMETRIC):
        assert finding.id in CATALOG


def test_a_hostile_header_takes_bounded_time() -> None:
    for header in (
        b'{"alg":"' + "\ufdfa".encode() * 4_000 + b'"}',
        b'{"alg":' + b"[" * 12_000,
        b'{"alg":' + b"9" * 12_000 + b"}",
    ):
        inspect(token(header), "x-api-key", ASYMMETRIC)


def test_every_row_of_the_catalogue_says_what_it_is_and_where_to_read_on() -> None:
    for name, trick in CATALOG.items():
        assert trick.id == name
        assert trick.text.endswith(".")
        assert "RFC" in trick.reference
