"""Family D: encodings and values of signatures."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from mfa_middleware.firewall import Evidence
from tests.firewall.tokens import attacks, findings, ids, token
from tests.helpers.keys import b64

ORDERS = {
    "ES256": (32, 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    "ES384": (48, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973),
    "ES512": (
        66,
        int(
            "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa"
            "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
            16,
        ),
    ),
    "ES256K": (32, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141),
}
HONEST = 2**200 + 12345
every_curve = pytest.mark.parametrize("alg", ORDERS)


def raw(alg: str, r: int, s: int) -> bytes:
    size, _ = ORDERS[alg]
    return r.to_bytes(size) + s.to_bytes(size)


@every_curve
def test_zero_and_the_order_are_confirmed_raw_and_in_der(alg: str) -> None:
    order = ORDERS[alg][1]
    for r, s in ((0, 0), (0, HONEST), (HONEST, 0), (order, HONEST), (HONEST, order), (0, 1), (order, order)):
        for signature in (raw(alg, r, s), encode_dss_signature(r, s)):
            found = {finding.id: finding.evidence for finding in findings(token({"alg": alg}, signature=signature))}
            assert found["psychic_signature"] is Evidence.CONFIRMED, (r, s)


def test_the_shortest_signature_of_zeros_is_found() -> None:
    assert "psychic_signature" in attacks(token({"alg": "ES256"}, signature="MAYCAQACAQA"))
    assert "psychic_signature" in attacks(token({"alg": "ES256"}, signature=bytes(20)))


@every_curve
def test_numbers_that_no_honest_signature_has_are_an_attack(alg: str) -> None:
    order = ORDERS[alg][1]
    for r, s in ((1, HONEST), (HONEST, 1), (order - 1, HONEST), (HONEST, order + 1)):
        assert attacks(token({"alg": alg}, signature=raw(alg, r, s))) == {"ecdsa_range"}


@every_curve
def test_high_and_low_halves_are_nothing(alg: str) -> None:
    order = ORDERS[alg][1]
    for r, s in ((HONEST, HONEST), (HONEST, order - HONEST), (order - HONEST, order - 2), (2, 2)):
        assert ids(token({"alg": alg}, signature=raw(alg, r, s))) == []


@every_curve
def test_der_alone_is_policy(alg: str) -> None:
    (finding,) = findings(token({"alg": alg}, signature=encode_dss_signature(HONEST, HONEST)))
    assert (finding.id, finding.is_attack) == ("ecdsa_der", False)


@every_curve
@pytest.mark.parametrize("length", [1, 63, 65, 97, 131, 200])
def test_another_length_is_an_attack(alg: str, length: int) -> None:
    assert "ecdsa_length" in attacks(token({"alg": alg}, signature=b"\1" * length))


@pytest.mark.parametrize(("alg", "length"), [("EdDSA", 63), ("EdDSA", 65), ("Ed25519", 114), ("Ed448", 64)])
def test_eddsa_signatures_of_another_length_are_an_attack(alg: str, length: int) -> None:
    assert "eddsa_length" in attacks(token({"alg": alg}, signature=b"\1" * length))


def test_eddsa_signatures_out_of_range_are_an_attack() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    r = bytes(range(2, 34))
    for s, expected in ((order - 1, set()), (order, {"eddsa_range"}), (2**256 - 1, {"eddsa_range"}), (0, set())):
        assert attacks(token({"alg": "EdDSA"}, signature=r + s.to_bytes(32, "little"))) == expected
    assert attacks(token({"alg": "Ed25519"}, signature=bytes(64))) == {"eddsa_small_order"}
    assert ids(token({"alg": "Ed448"}, signature=b"\1" * 114)) == []


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_rsa_signatures_of_nothing_are_an_attack(alg: str) -> None:
    for value in (0, 1):
        assert attacks(token({"alg": alg}, signature=value.to_bytes(256))) == {"rsa_trivial"}
    for length in (256, 384, 512):
        assert ids(token({"alg": alg}, signature=b"\0" * 40 + b"\1" * (length - 40))) == []
    assert ids(token({"alg": alg}, signature=b"\1" * 128)) == ["rsa_length"]


def test_encodings_that_lenient_decoders_read_are_told_apart() -> None:
    head, payload, signature = token().decode().split(".")
    forms = {
        "base64_alphabet": [f"{head}.{payload}.{signature[:-1]}!", f"{head}.{payload[:8]}%{payload[8:]}.{signature}",
                            f"{head}.{payload}.+/{signature}", f"{head}.{payload[:4]}={payload[4:]}.{signature}",
                            f"{head}====.{payload}.{signature}"],
        "base64_unused_bits": [f"{head}.{b64(b'x')[:-1]}B.{signature}", f"{head}.{payload}.{signature[:-1]}x"],
        "base64_length": [f"{head}.{payload}.{'A' * 5}"],
    }  # fmt: skip
    for trick, texts in forms.items():
        for text in texts:
            assert trick in attacks(text.encode()), text


def test_padding_as_load_balancers_make_it_is_policy() -> None:
    padded = b".".join(part + b"=" * (-len(part) % 4) for part in token(signature=b"\1" * 256).split(b"."))
    assert set(ids(padded)) == {"base64_padding"}
    assert attacks(padded) == set()


@pytest.mark.parametrize("signature", [b"0", b"0\x06\2\1", b"0\x06\2\1\0\3\1\0", b"0\x81\x06\2\1\0\2\1\0", b"0" * 64])
def test_what_only_begins_like_der_is_inspected(signature: bytes) -> None:
    for alg in ("ES256", "EdDSA", "RS256"):
        findings(token({"alg": alg}, signature=signature))
