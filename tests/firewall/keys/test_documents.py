from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mfa_middleware.errors import ConfigurationError

from .material import (
    ALGORITHMS,
    certificate_of,
    jwk_of,
    jwks_of,
    pem_of,
    private_key,
    ring_of,
    secret_jwk,
)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_form_of_a_key_is_the_same_key(algorithm: str, tmp_path: Path) -> None:
    private = private_key(algorithm)
    pem = pem_of(private)
    certificate = certificate_of(private).public_bytes(Encoding.PEM).decode()
    path = tmp_path / "key file.pem"
    path.write_text("# the key of the issuer\n" + pem)
    jwk = jwk_of(private, alg=algorithm)
    forms: list[Any] = [pem, certificate, str(path), jwk, jwks_of(jwk), pem.replace("\n", "\\n")]
    keys = [ring_of(form, accepted=[algorithm]).current().keys for form in forms]
    assert {len(found) for found in keys} == {1}
    assert {found[0].identity for found in keys} == {keys[0][0].identity}
    assert keys[0][0].algorithm == algorithm


def test_several_sources_make_one_set(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(jwks_of(jwk_of(private_key("ES256"), kid="a"), jwk_of(private_key("ES384"), kid="b")))
    keyset = ring_of(pem_of(private_key("RS256")), str(path), jwk_of(private_key("Ed25519"), kid="c")).current()
    assert {key.kid for key in keyset.keys} == {None, "a", "b", "c"}
    assert keyset.algorithms == {"RS256", "ES256", "ES384", "Ed25519", "EdDSA"}


def test_a_key_given_twice_counts_once() -> None:
    pem = pem_of(private_key("ES256"))
    assert len(ring_of(pem, pem + "\n").current().keys) == 1


def test_the_rest_of_a_certificate_chain_is_no_key() -> None:
    chain = [certificate_of(private_key("RS256", n)).public_bytes(Encoding.PEM).decode() for n in (0, 1)]
    (key,) = ring_of("".join(chain)).current().keys
    assert key.members == jwk_of(private_key("RS256", 0))


@pytest.mark.parametrize(
    ("accepted", "algorithm"),
    [([], "RS256"), (["PS384"], "PS384"), (["PS256", "RS256", "ES256"], "RS256"), (["RS512", "ES256"], "RS512")],
)
def test_an_rsa_key_without_alg_is_for_one_algorithm(accepted: list[str], algorithm: str) -> None:
    (key,) = ring_of(pem_of(private_key("RS256")), accepted=accepted).current().keys
    assert key.names == {algorithm}


@pytest.mark.parametrize("name", ["EdDSA", "Ed25519"])
def test_both_names_of_ed25519_mean_one_algorithm(name: str) -> None:
    for jwk in (jwk_of(private_key("Ed25519"), alg=name), jwk_of(private_key("Ed25519"))):
        (key,) = ring_of(jwk, accepted=[name]).current().keys
        assert key.names == {"EdDSA", "Ed25519"}


def test_encryption_keys_of_a_set_are_passed_over() -> None:
    rest = [jwk_of(private_key("RS256"), **more) for more in ({"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "dir"})]
    keyset = ring_of(jwks_of(*rest, jwk_of(private_key("ES256"), kid="a"))).current()
    assert [key.kid for key in keyset.keys] == ["a"]


def test_keys_of_a_set_for_algorithms_that_are_not_accepted_are_passed_over() -> None:
    jwks = jwks_of(jwk_of(private_key("RS256"), kid="r", alg="RS256"), jwk_of(private_key("ES256"), kid="e"))
    assert [key.kid for key in ring_of(jwks, accepted=["ES256"]).current().keys] == ["e"]


def private_pem(private: Any) -> str:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def small_rsa() -> str:
    return pem_of(rsa.generate_private_key(65537, 1024))


def odd_certificate() -> str:
    der = certificate_of(private_key("ES256")).public_bytes(Encoding.DER)
    odd = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x1e", 1)
    assert odd != der
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(odd).decode()}-----END CERTIFICATE-----\n"


REFUSED: dict[str, tuple[Any, str]] = {
    "private JWK": (lambda: jwk_of(private_key("ES256"), d="AAAA"), "private members"),
    "private PEM": (lambda: private_pem(private_key("ES256")), "openssl pkey"),
    "weak RSA": (small_rsa, "2048"),
    "short HS256": (lambda: secret_jwk(31), "32 bytes or more, not 31"),
    "short HS384": (lambda: secret_jwk(47, alg="HS384"), "48 bytes"),
    "short HS512": (lambda: secret_jwk(63, alg="HS512"), "64 bytes"),
    "empty secret": (lambda: {"kty": "oct", "k": ""}, "k is missing"),
    "padded secret": (lambda: {"kty": "oct", "k": "A" * 43 + "="}, "without padding"),
    "alg of another curve": (lambda: jwk_of(private_key("ES256"), alg="ES384"), "such a key is for ES256"),
    "unknown alg": (lambda: jwk_of(private_key("ES256"), alg="ES521"), "such a key is for ES256"),
    "alg as number": (lambda: jwk_of(private_key("ES256"), alg=256), "such a key is for ES256"),
    "HMAC alg on RSA": (lambda: jwk_of(private_key("RS256"), alg="HS256"), "RS256"),
    "encryption": (lambda: jwk_of(private_key("RS256"), use="enc"), "not for verifying"),
    "AES": (lambda: secret_jwk(32, alg="A256GCM"), "not for verifying"),
    "curve": (lambda: jwk_of(private_key("ES256"), crv="P-192"), "curve"),
    "type": (lambda: {"kty": "XYZ"}, "kty must be"),
    "no point": (lambda: jwk_of(private_key("ES256")) | {"y": "A" * 43}, "not a valid public key"),
    "no point of P-521": (lambda: jwk_of(private_key("ES512")) | {"y": "A" * 88}, "not a valid public key"),
    "short coordinate": (lambda: jwk_of(private_key("ES512")) | {"y": "AAAA"}, "66 bytes"),
    "kid as number": (lambda: jwk_of(private_key("ES256"), kid=7), "kid must be text"),
    "list": (lambda: "[]", "FileNotFoundError"),
    "duplicate name": (lambda: '{"kty":"EC","kty":"RSA"}', "duplicated"),
    "keys as object": (lambda: '{"keys": {}}', "list of JWKs"),
    "empty set": (lambda: '{"keys": []}', "no key that can be used"),
    "set for encryption": (lambda: jwks_of(jwk_of(private_key("RS256"), use="enc")), "no key that can be used"),
    "half a PEM": (lambda: "-----BEGIN PUBLIC KEY-----\nAAAA", "no complete PUBLIC KEY"),
    "certificate of no version": (lambda: odd_certificate(), "certificate cannot be read"),
    "PEM without a key": (lambda: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be read"),
    "plain http": (lambda: "http://issuer.example/jwks", "only https"),
    "file URL": (lambda: "file:///etc/passwd", "only https"),
    "user in URL": (lambda: "https://user@issuer.example/jwks", "without a user"),
    "no file": (lambda: "/nowhere/keys.json", "FileNotFoundError"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_start_is_refused_with_the_reason(name: str) -> None:
    make, reason = REFUSED[name]
    with pytest.raises(ConfigurationError, match="MFA_JWT_KEYS: ") as caught:
        ring_of(make())
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("jwks", "reason"),
    [
        (lambda: [jwk_of(private_key("ES256"), kid="a"), secret_jwk(kid="b")], "keep one kind"),
        (lambda: [jwk_of(private_key("ES256"), kid="a"), jwk_of(private_key("ES384"), kid="a")], "the kid 'a'"),
        (lambda: [secret_jwk(32, kid="a"), secret_jwk(33, kid="a")], "the kid 'a'"),
        (
            lambda: [jwk_of(private_key("RS256"), kid=alg, alg=alg) for alg in ("RS256", "PS256")],
            "is there for RS256 and PS256",
        ),
        (lambda: [jwk_of(private_key("RS256", n)) for n in range(3)], "3 keys for RS256 have no kid"),
        (lambda: [jwk_of(private_key("ES256")), jwk_of(private_key("ES384"), d="AAAA")], "key 2 of the set"),
    ],
)
def test_keys_that_cannot_be_told_apart_are_refused_at_start(jwks: Any, reason: str) -> None:
    for items in ([jwks_of(*jwks())], [json.dumps(jwk) for jwk in jwks()]):
        with pytest.raises(ConfigurationError) as caught:
            ring_of(*items)
        assert reason in str(caught.value) or "private members" in str(caught.value)


def test_a_key_for_another_algorithm_than_the_accepted_ones_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ES256, which is not in MFA_JWT_ALGORITHMS"):
        ring_of(jwk_of(private_key("ES256"), alg="ES256"), accepted=["RS256"])
    with pytest.raises(ConfigurationError, match="write it as a JWK with alg"):
        ring_of(pem_of(private_key("RS256")), accepted=["RS384", "PS256"])


def test_an_hmac_key_beside_a_url_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="keep one kind"):
        ring_of(secret_jwk(), "https://issuer.example/jwks")


def test_an_hmac_key_is_told_nowhere() -> None:
    ring = ring_of(secret_jwk(32, kid="a"))
    (key,) = ring.current().keys
    secret = secret_jwk()["k"]
    assert secret not in repr(key) + repr(ring.current()) + key.label
    with pytest.raises(ConfigurationError) as caught:
        ring_of(secret_jwk(33), secret_jwk(34), secret_jwk(35))
    assert secret not in str(caught.value)


def test_a_certificate_is_kept_with_its_key() -> None:
    private = private_key("ES256")
    pem = certificate_of(private).public_bytes(Encoding.PEM).decode()
    der = certificate_of(private).public_bytes(Encoding.DER)
    (from_pem,) = ring_of(pem).current().keys
    assert from_pem.certificate is not None
    jwk = jwk_of(private, x5c=[base64.b64encode(der).decode()])
    (from_jwk,) = ring_of(jwk).current().keys
    assert from_jwk.certificate == der
    foreign = certificate_of(private_key("ES384")).public_bytes(Encoding.DER)
    (other,) = ring_of(jwk_of(private, x5c=[base64.b64encode(foreign).decode()])).current().keys
    assert other.certificate is None


def test_pkcs1_is_a_public_key_too() -> None:
    pem = private_key("RS256").public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    assert "RSA PUBLIC KEY" in pem
    assert len(ring_of(pem).current().keys) == 1


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem_of(private_key("ES256")))
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod go-w"):
        ring_of(str(path))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no regular file"):
        ring_of(str(tmp_path))
    (tmp_path / "der").write_bytes(b"0\x82\xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        ring_of(str(tmp_path / "der"))
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**20 + 1)
    with pytest.raises(ConfigurationError, match="larger than"):
        ring_of(str(tmp_path / "huge"))
