"""Family E: forms and JSON that two parsers read as two tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.firewall.tokens import CLAIMS, attacks, findings, ids, segment, token, verdict

HEADER, PAYLOAD, SIGNATURE = token().decode().split(".")
TEXT = json.dumps(CLAIMS)


def in_json(**members: Any) -> bytes:
    return json.dumps({"payload": PAYLOAD, "protected": HEADER, "signature": SIGNATURE} | members).encode()


def general(*signatures: Any) -> bytes:
    return json.dumps({"payload": PAYLOAD, "signatures": signatures}).encode()


def test_the_json_form_is_an_attack() -> None:
    assert attacks(in_json()) == {"json_serialization"}
    assert attacks(general({"protected": HEADER, "signature": SIGNATURE})) == {"json_serialization"}
    assert attacks(b" \n" + in_json()) == {"json_serialization"}
    assert "json_serialization" in attacks(general({"protected": HEADER, "signature": SIGNATURE})[:-1])


def test_what_stands_in_the_json_form_is_inspected_too() -> None:
    none = segment({"alg": "none"})
    assert {"json_serialization", "alg_none"} <= attacks(in_json(protected=none))
    assert {"json_serialization", "kid_traversal"} <= attacks(
        in_json(protected=segment({"alg": "RS256", "kid": "../x"}))
    )


@pytest.mark.parametrize("presented", [general(), in_json(signature=""), in_json(signature=None)])
def test_a_json_form_without_signatures_is_an_attack(presented: bytes) -> None:
    assert {"json_serialization", "empty_signatures"} <= attacks(presented)


@pytest.mark.parametrize("member", ["alg", "kid", "crit", "b64", "jwk"])
def test_a_header_that_nobody_signed_is_an_attack(member: str) -> None:
    assert "unprotected_header" in attacks(in_json(header={member: "none"}))
    assert "unprotected_header" not in attacks(in_json(header={"unknown": "x"}))


def test_a_token_that_is_compact_and_json_at_once_is_an_attack() -> None:
    polyglot = json.dumps({f"  {HEADER}.{segment({'sub': 'admin'})}.": ""})[:-1] + f', "protected":"{HEADER}"}}'
    assert "json_polyglot" in attacks(polyglot.encode())
    assert "json_polyglot" in attacks(f'{HEADER}.{PAYLOAD}."{SIGNATURE}"'.encode())


@pytest.mark.parametrize("presented", [b"{}", b'{"a":1}', b"{", b'{"user":"x.y.z"}', b'["a"]', b'{"payload":"x"}'])
def test_other_json_is_no_token(presented: bytes) -> None:
    assert not verdict(presented).is_token


def test_names_given_twice_are_an_attack() -> None:
    assert attacks(token(b'{"alg":"RS256","alg":"none"}')) == {"alg_none", "duplicate_header"}
    assert "duplicate_header" in attacks(token(b'{"alg":"RS256","ALG":"none"}'))
    assert "duplicate_header" in attacks(token(b'{"alg":"RS256","\\u0061lg":"none"}'))
    assert attacks(token(payload=f'{TEXT[:-1]},"sub":"admin"}}'.encode())) == {"duplicate_claim"}
    assert attacks(token(payload=f'{TEXT[:-1]},"a":{{"b":1,"b":2}}}}'.encode())) == {"duplicate_claim"}


@pytest.mark.parametrize(
    ("payload", "trick"),
    [
        (TEXT.encode("utf-8-sig"), "json_bom"), (TEXT.encode("utf-16"), "json_encoding"),
        (TEXT.encode("utf-16-be"), "json_encoding"), (TEXT.encode("utf-32-le"), "json_encoding"),
        (f'{TEXT[:-1]},"a":"'.encode() + b'\xc0\xaf"}', "json_invalid_utf8"),
        (f'{TEXT[:-1]},"a":"'.encode() + b'\xed\xa0\x80"}', "json_invalid_utf8"),
        (f'{TEXT[:-1]},"a":"\\ud800"}}'.encode(), "json_surrogate"),
        (f'{TEXT[:-1]},"a\\u0000b":1}}'.encode(), "json_nul"), (f'{TEXT[:-1]},"a":"b\nc"}}'.encode(), "json_control"),
        (f"/* comment */ {TEXT}".encode(), "json_prefix"), (f"{TEXT} {{}}".encode(), "json_prefix"),
        (f"{TEXT}//".encode(), "json_prefix"), (f"x{TEXT}".encode(), "json_prefix"),
        (f'{TEXT[:-1]},"a":NaN}}'.encode(), "json_constant"),
        (f'{TEXT[:-1]},"a":-Infinity}}'.encode(), "json_constant"),
        (f'{TEXT[:-1]},"a":1e400}}'.encode(), "json_constant"),
        (f'{TEXT[:-1]},"a":{"9" * 65}}}'.encode(), "json_huge_number"),
        (f'{TEXT[:-1]},"a":{"9" * 4000}}}'.encode(), "json_huge_number"),
        (f'{TEXT[:-1]},"a":{"[" * 17}{"]" * 17}}}'.encode(), "json_depth"),
        (b"[" * 4_000, "json_depth"), (b'{"a":' * 2_000, "json_depth"), (b"[]", "payload_not_object"),
        (b'"text"', "payload_not_object"), (b"7", "payload_not_object"), (b"null", "payload_not_object"),
    ],
)  # fmt: skip
def test_json_with_several_readings_is_an_attack(payload: bytes, trick: str) -> None:
    assert attacks(token(payload=payload)) == {trick}


@pytest.mark.parametrize("size", [100, 6_000])
def test_long_tokens_are_read_as_strictly_as_short_ones(size: int) -> None:
    filler = f',"x":"{"y" * size}"'
    for text, trick in (
        (TEXT[:-1] + filler + ',"sub":"admin"}', "duplicate_claim"),
        (TEXT[:-1] + filler + ',"a":"b\nc"}', "json_control"),
        (TEXT[:-1] + filler + ',"a":NaN}', "json_constant"),
        (TEXT[:-1] + filler + "} {}", "json_prefix"),
        (TEXT[:-1] + filler + ',"a":"\\ud800"}', "json_surrogate"),
        (TEXT[:-1] + filler + ',"a\\u0000":1}', "json_nul"),
    ):
        assert attacks(token(payload=text.encode())) == {trick}
    assert ids(token(payload=(TEXT[:-1] + filler + "}").encode())) == []


def test_a_number_that_loses_digits_is_policy() -> None:
    for digits in ("9007199254740992", "-175928847299117063", "1e16", "9" * 64):
        assert ids(token(payload=f'{TEXT[:-1]},"a":{digits}}}'.encode())) == ["json_big_number"], digits
    assert attacks(token(payload=f'{TEXT[:-1]},"a":{"9" * 64}}}'.encode())) == set()
    assert ids(token(payload=f'{TEXT[:-1]},"a":1800000000.1234567890123}}'.encode())) == []


def test_a_payload_that_is_no_json_is_policy() -> None:
    for payload in (b"Test", b"\xff\xfe\xfd", b'{"truncated":', b"[" * 3, bytes(range(256)) * 4):
        assert attacks(token(payload=payload)) == set()
        assert "payload_not_json" in ids(token(payload=payload))


def test_a_header_that_is_cut_is_policy() -> None:
    assert ids(f"{HEADER[:-8]}.{PAYLOAD}.{SIGNATURE}".encode())[-1] == "header_not_json"


@pytest.mark.parametrize(
    ("claims", "is_attack"),
    [
        ({"iss": ["https://a"]}, True), ({"sub": {}}, True), ({"jti": []}, True), ({"aud": {"a": 1}}, True),
        ({"sub": 7}, False), ({"jti": 7.5}, False), ({"iss": None}, False), ({"sub": True}, False),
    ],
)  # fmt: skip
def test_claims_of_another_type_are_named(claims: dict[str, Any], is_attack: bool) -> None:
    found = findings(token(payload=CLAIMS | claims))
    assert [(finding.id, finding.is_attack) for finding in found] == [("claim_type", is_attack)]


@pytest.mark.parametrize("aud", ["a", ["a", "b"], [], ""])
def test_audiences_of_honest_types_are_nothing(aud: Any) -> None:
    assert ids(token(payload=CLAIMS | {"aud": aud})) == []


def test_a_token_of_more_than_16_kib_is_an_attack_whatever_is_in_it() -> None:
    assert attacks(token(payload={"x": "y" * 13_000})) == {"oversize_token"}
    assert attacks(token({"x": "y" * 20_000})) == {"oversize_token"}
    assert attacks(token({"alg": "none"}, {"x": "y" * 20_000})) == {"oversize_token", "alg_none"}
    assert not verdict(b"a.b" * 8_000).is_token


def test_a_flood_of_dots_is_an_attack() -> None:
    assert "dot_flood" in attacks(token() + b"." * 20)
    assert "dot_flood" in attacks(token() + b".a" * 5_000)
    assert "dot_flood" not in attacks(token() + b"." * 5)


@pytest.mark.parametrize("where", [0, 5, -5])
@pytest.mark.parametrize("space", [b" ", b"\t", b"\r\n", b"\x0b"])
def test_white_space_in_a_token_is_an_attack(where: int, space: bytes) -> None:
    presented = token()
    assert attacks(presented[:where] + space + presented[where:]) == {"token_whitespace"}


@pytest.mark.parametrize("character", ["\u200b", "\ufeff", "\u00a0", "\uff0e", "\u00ad"])
def test_look_alikes_in_a_token_are_an_attack(character: str) -> None:
    presented = f"{HEADER}{character}.{PAYLOAD}.{SIGNATURE}" if character != "\uff0e" else (
        f"{HEADER}{character}{PAYLOAD}{character}{SIGNATURE}"
    )  # fmt: skip
    assert "token_confusable" in attacks(presented.encode())


def test_a_token_inside_a_token_is_policy() -> None:
    for presented in (token({"cty": "JWT"}), token({"cty": "application/jwt"}), token(payload=token())):
        assert "nested_token" in ids(presented)
        assert attacks(presented) == set()
    assert ids(token({"cty": "text/plain"})) == []


def test_names_in_escapes_are_nothing() -> None:
    assert ids(token(b'{"\\u0061lg":"\\u0052S256"}', TEXT.replace("sub", "\\u0073ub").encode())) == []
