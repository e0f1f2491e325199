from __future__ import annotations

import random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from mfa_middleware.jose.jwk import load_public_key, public_jwk, required_members, thumbprint
from mfa_middleware.jose.strict import Malformed
from tests.helpers.keys import b64, key_for, rsa_jwk

RFC7638 = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
    "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL"
    "5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
RFC8037 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
RFC9449 = {
    "kty": "EC",
    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    "crv": "P-256",
}
PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"]


def odd(bits: int) -> int:
    return random.Random(bits).getrandbits(bits) | 1 | 1 << (bits - 1)


class TestThumbprint:
    @pytest.mark.parametrize(
        ("jwk", "expected"),
        [
            (RFC7638, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            (RFC8037, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
            (RFC9449, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
        ],
    )
    def test_the_ones_that_the_standards_print(self, jwk: dict[str, str], expected: str) -> None:
        assert thumbprint(jwk) == expected

    @pytest.mark.parametrize("alg", ["ES256", "ES384", "Ed25519", "PS256", "ML-DSA-44"])
    def test_an_independent_computation_agrees(self, alg: str) -> None:
        key = key_for(alg)
        assert thumbprint(key.jwk) == key.thumbprint

    def test_members_that_are_not_required_and_their_order_do_not_count(self) -> None:
        jwk = key_for("ES256").jwk
        assert thumbprint(dict(reversed([*jwk.items(), ("kid", "x"), ("use", "sig"), ("x5c", [])]))) == thumbprint(jwk)

    @pytest.mark.parametrize("value", ['a"b', "a\\b", "a\nb", "a\x7fb"])
    def test_characters_that_could_be_escaped_in_two_ways_have_none(self, value: str) -> None:
        with pytest.raises(Malformed):
            thumbprint({**key_for("ES256").jwk, "x": value})


class TestPublicOnly:
    @pytest.mark.parametrize("member", PRIVATE)
    @pytest.mark.parametrize("alg", ["ES256", "Ed25519", "PS256"])
    def test_private_members_are_refused(self, alg: str, member: str) -> None:
        with pytest.raises(Malformed, match="exposed and must be replaced"):
            required_members({**key_for(alg).jwk, member: "AA"})

    def test_the_value_of_a_private_member_does_not_matter(self) -> None:
        with pytest.raises(Malformed):
            required_members({**key_for("ES256").jwk, "d": None})

    @pytest.mark.parametrize(
        "jwk",
        [
            None,
            [],
            "jwk",
            1,
            {},
            {"kty": "oct", "k": "AAAA"},
            {"kty": None},
            {"kty": ["EC"]},
            {"kty": "ec"},
            {"kty": "PBKDF"},
        ],
    )
    def test_a_symmetric_key_and_what_is_no_key_are_refused(self, jwk: Any) -> None:
        with pytest.raises(Malformed):
            required_members(jwk)

    @pytest.mark.parametrize("value", [None, "", 1, ["AA"], {"a": 1}, "é", "A" * 4097])
    @pytest.mark.parametrize(
        ("alg", "member"), [("ES256", "x"), ("ES256", "y"), ("ES256", "crv"), ("PS256", "n"), ("Ed25519", "x")]
    )
    def test_a_required_member_is_a_string_of_ascii(self, alg: str, member: str, value: Any) -> None:
        with pytest.raises(Malformed):
            required_members({**key_for(alg).jwk, member: value})

    def test_no_message_quotes_the_key(self) -> None:
        with pytest.raises(Malformed) as caught:
            required_members({**key_for("ES256").jwk, "d": "a-very-private-number"})
        assert "a-very-private-number" not in str(caught.value)


class TestValidKeys:
    @pytest.mark.parametrize("alg", ["ES256", "ES384", "Ed25519", "PS256", "ML-DSA-44", "ML-DSA-65"])
    def test_a_public_key_is_reduced_to_what_the_thumbprint_covers(self, alg: str) -> None:
        key = key_for(alg)
        assert public_jwk({**key.jwk, "kid": "1", "use": "sig", "key_ops": ["verify"]}) == key.jwk

    def test_a_key_that_is_none_is_refused(self) -> None:
        for broken in (
            {**key_for("ES256").jwk, "y": key_for("ES256").jwk["x"]},
            rsa_jwk(odd(1024)),
            {**RFC8037, "x": b64(bytes(32))},
        ):
            with pytest.raises(Malformed):
                public_jwk(broken)

    @pytest.mark.parametrize(
        "meant",
        [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": []}, {"key_ops": "verify"}, {"use": 1}, {"use": None}],
    )
    def test_a_key_for_something_else_is_refused(self, meant: dict[str, Any]) -> None:
        with pytest.raises(Malformed, match="not meant for verifying"):
            public_jwk({**key_for("ES256").jwk, **meant})

    @pytest.mark.parametrize("curve", ["P-384", "P-521", "secp256k1", "Ed25519", "P-256 ", "p-256"])
    def test_a_point_belongs_to_its_curve_alone(self, curve: str) -> None:
        with pytest.raises(Malformed):
            load_public_key({**key_for("ES256").jwk, "crv": curve})

    def test_a_point_that_is_not_on_the_curve_is_refused(self) -> None:
        jwk = key_for("ES256").jwk
        with pytest.raises(Malformed):
            load_public_key({**jwk, "y": jwk["x"]})

    @pytest.mark.parametrize("x", [b"", b"\0" * 31, b"\0" * 33, b"\0" * 32])
    def test_a_coordinate_has_its_full_length(self, x: bytes) -> None:
        with pytest.raises(Malformed):
            load_public_key({**key_for("ES256").jwk, "x": b64(x) or "A"})

    def test_a_coordinate_with_another_spelling_is_refused(self) -> None:
        jwk = key_for("ES256").jwk
        with pytest.raises(Malformed):
            load_public_key({**jwk, "x": jwk["x"] + "="})

    @pytest.mark.parametrize("curve", ["X25519", "Ed448", "ed25519"])
    def test_only_ed25519_of_the_okp_curves(self, curve: str) -> None:
        with pytest.raises(Malformed):
            load_public_key({**key_for("Ed25519").jwk, "crv": curve})

    @pytest.mark.parametrize(
        "y", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255, 2**255 + 1, 2**256 - 19, 2**256 - 20]
    )
    def test_ed25519_points_of_small_order_are_refused(self, y: int) -> None:
        raw = (y % 2**256).to_bytes(32, "little")
        with pytest.raises(Malformed):
            load_public_key({"kty": "OKP", "crv": "Ed25519", "x": b64(raw)})

    def test_a_small_order_key_would_verify_what_nobody_signed(self) -> None:
        identity = (1).to_bytes(32, "little")
        key = ed25519.Ed25519PublicKey.from_public_bytes(identity)
        key.verify(identity + bytes(32), b"any message")


class TestRsaSizes:
    @pytest.mark.parametrize("bits", [512, 1024, 2040, 2047])
    def test_short_keys_are_refused(self, bits: int) -> None:
        with pytest.raises(Malformed, match="2048 to 4096 bits"):
            load_public_key(rsa_jwk(odd(bits)))

    @pytest.mark.parametrize("bits", [4097, 8192, 16384])
    def test_long_keys_are_refused(self, bits: int) -> None:
        with pytest.raises(Malformed, match="2048 to 4096 bits"):
            load_public_key(rsa_jwk(odd(bits)))

    @pytest.mark.parametrize("bits", [2048, 3072, 4096])
    def test_both_ends_are_accepted(self, bits: int) -> None:
        assert load_public_key(rsa_jwk(odd(bits))).key_size == bits

    @pytest.mark.parametrize("e", [1, 2, 4, 65536, 2**32 + 1, 2**64 + 1])
    def test_an_exponent_is_odd_and_small(self, e: int) -> None:
        with pytest.raises(Malformed):
            load_public_key(rsa_jwk(odd(2048), e))

    @pytest.mark.parametrize("e", [3, 17, 65537, 2**32 - 1])
    def test_usual_exponents_are_accepted(self, e: int) -> None:
        assert load_public_key(rsa_jwk(odd(2048), e)).public_numbers().e == e

    def test_an_even_modulus_is_refused(self) -> None:
        with pytest.raises(Malformed):
            load_public_key(rsa_jwk(odd(2048) + 1))

    def test_a_modulus_has_no_leading_zero(self) -> None:
        n = b64(b"\0" + odd(2048).to_bytes(256))
        with pytest.raises(Malformed, match="leading zero"):
            load_public_key({"kty": "RSA", "n": n, "e": "AQAB"})
