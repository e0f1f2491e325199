from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature

from mfa_middleware.jose.algorithms import ALGORITHMS, same_algorithm, verifier
from mfa_middleware.jose.strict import Malformed
from tests.helpers.keys import KeyPair, key_for, new_ec, new_rsa

ALL = ["ES256", "ES384", "Ed25519", "EdDSA", "PS256", "RS256", "ML-DSA-44", "ML-DSA-65"]
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
MESSAGE = b"eyJ9.e30"


def verifies(key: KeyPair, signature: bytes, message: bytes = MESSAGE) -> bool:
    try:
        verifier(key.jwk, key.alg)(signature, message)
    except InvalidSignature:
        return False
    return True


def test_the_table_is_closed_and_asymmetric() -> None:
    assert list(ALGORITHMS) == ALL
    assert {algorithm.kty for algorithm in ALGORITHMS.values()} == {"EC", "OKP", "RSA", "AKP"}


@pytest.mark.parametrize(
    "alg", ["none", "None", "", "HS256", "HS384", "HS512", "ES512", "ES256K", "PS512", "RS384", "Ed448", "es256"]
)
def test_no_other_name_leads_to_a_verifier(alg: str) -> None:
    for key in map(key_for, ("ES256", "PS256", "Ed25519")):
        with pytest.raises(Malformed):
            verifier(key.jwk, alg)


@pytest.mark.parametrize("alg", ALL)
class TestEach:
    def test_its_own_signature_verifies(self, alg: str) -> None:
        key = key_for(alg)
        assert verifies(key, key.sign(MESSAGE))

    def test_another_message_does_not(self, alg: str) -> None:
        key = key_for(alg)
        assert not verifies(key, key.sign(MESSAGE), MESSAGE + b"A")

    def test_a_changed_signature_does_not(self, alg: str) -> None:
        key = key_for(alg)
        signature = bytearray(key.sign(MESSAGE))
        for position in (0, len(signature) // 2, len(signature) - 1):
            changed = signature.copy()
            changed[position] ^= 1
            assert not verifies(key, bytes(changed))

    def test_the_length_is_exact(self, alg: str) -> None:
        key = key_for(alg)
        signature = key.sign(MESSAGE)
        for wrong in (b"", signature[:-1], signature + b"\0", b"\0" + signature, signature * 2):
            assert not verifies(key, wrong)

    def test_no_other_algorithm_takes_its_key(self, alg: str) -> None:
        for other in ALL:
            fits = ALGORITHMS[other].kty == ALGORITHMS[alg].kty and ALGORITHMS[other].crv == ALGORITHMS[alg].crv
            if fits and not other.startswith("ML-DSA"):
                continue
            if other != alg:
                with pytest.raises(Malformed):
                    verifier(key_for(alg).jwk, other)


class TestEcdsa:
    def test_der_is_not_raw(self) -> None:
        key = key_for("ES256")
        assert not verifies(key, bytes.fromhex("3006020100020100"))

    @pytest.mark.parametrize("r", [0, 1, ORDER, ORDER + 1, 2**256 - 1])
    @pytest.mark.parametrize("s", [0, ORDER])
    def test_signatures_of_zero_are_refused(self, r: int, s: int) -> None:
        key = key_for("ES256")
        assert not verifies(key, r.to_bytes(32) + s.to_bytes(32))
        assert not verifies(key, s.to_bytes(32) + r.to_bytes(32))

    def test_both_halves_of_the_honest_signatures_verify(self) -> None:
        """(r, n - s) verifies as well, so that a proof must never be remembered by its text."""
        key = key_for("ES256")
        signature = key.sign(MESSAGE)
        twin = signature[:32] + (ORDER - int.from_bytes(signature[32:])).to_bytes(32)
        assert verifies(key, signature)
        assert verifies(key, twin)

    def test_small_numbers_keep_their_leading_zeros(self) -> None:
        """About one signature in 128 has a leading zero in r or s."""
        key = key_for("ES256")
        signatures = (key.sign(b"%d" % number) for number in range(5_000))
        short = next((number, one) for number, one in enumerate(signatures) if 0 in (one[0], one[32]))
        assert verifies(key, short[1], b"%d" % short[0])


class TestRsa:
    def test_pss_and_pkcs1_are_not_each_other(self) -> None:
        ps256, rs256 = new_rsa("PS256"), new_rsa("RS256")
        assert ps256.jwk == rs256.jwk
        assert not verifies(ps256, rs256.sign(MESSAGE))
        assert not verifies(rs256, ps256.sign(MESSAGE))

    def test_the_largest_key_verifies(self) -> None:
        key = new_rsa("PS256", 4096)
        assert verifies(key, key.sign(MESSAGE))


def test_ed25519_has_two_names() -> None:
    assert same_algorithm("Ed25519", "EdDSA")
    assert same_algorithm("EdDSA", "Ed25519")
    assert not same_algorithm("ES256", "ES384")
    assert not same_algorithm("EdDSA", "ES256")


@pytest.mark.parametrize("alg", ["ES512", "ES256K"])
def test_keys_on_other_curves_fit_nothing(alg: str) -> None:
    jwk = new_ec(alg).jwk
    for name in ALL:
        with pytest.raises(Malformed):
            verifier(jwk, name)
