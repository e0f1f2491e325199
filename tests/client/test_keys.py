from __future__ import annotations

import copy
import importlib.util
import json
import pickle
import sys

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from mfa_middleware.client import ConfigurationError, PrivateKey, Signer, sign_headers
from mfa_middleware.jose.jws import verify_compact
from tests.client.server import verified

HAS_ML_DSA = importlib.util.find_spec("cryptography.hazmat.primitives.asymmetric.mldsa") is not None
ALGORITHMS = ["ES256", "ES384", "Ed25519", "EdDSA", "PS256", "RS256", *(["ML-DSA-44", "ML-DSA-65"] * HAS_ML_DSA)]
P256_D = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"
P256 = {  # RFC 7517, appendix A.2
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "d": P256_D,
}
ED25519 = {  # RFC 8037, appendix A.1; its thumbprint is in A.3
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}


@pytest.fixture(scope="module")
def keys() -> dict[str, PrivateKey]:
    return {alg: PrivateKey.generate(alg) for alg in ALGORITHMS}


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_each_algorithm_signs_what_our_verifier_accepts(alg: str, keys: dict[str, PrivateKey]) -> None:
    key = keys[alg]
    proof = sign_headers(key, "GET", "https://api.example.com/")["DPoP"]
    payload = verify_compact(proof.encode(), key.public_jwk, alg)
    assert json.loads(payload)["htu"] == "https://api.example.com/"
    assert jwt.get_unverified_header(proof) == {"typ": "dpop+jwt", "alg": alg, "jwk": key.public_jwk}


@pytest.mark.parametrize("alg", ["ES256", "ES384", "Ed25519", "EdDSA", "PS256", "RS256"])
def test_a_second_implementation_verifies_it_too(alg: str, keys: dict[str, PrivateKey]) -> None:
    assert verified(sign_headers(keys[alg], "GET", "https://api.example.com/")["DPoP"])["htm"] == "GET"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_key_survives_its_pem(alg: str, keys: dict[str, PrivateKey]) -> None:
    read = PrivateKey.from_text(keys[alg].to_pem(), alg)
    assert (read.alg, read.thumbprint) == (alg, keys[alg].thumbprint)


def test_the_type_of_a_key_chooses_its_algorithm(keys: dict[str, PrivateKey]) -> None:
    chosen = {alg: PrivateKey.from_text(keys[alg].to_pem()).alg for alg in ALGORITHMS}
    assert chosen == {alg: alg for alg in ALGORITHMS} | {"EdDSA": "Ed25519", "RS256": "PS256"}


def test_private_jwks_are_read() -> None:
    assert PrivateKey.from_text(json.dumps(P256)).alg == "ES256"
    okp = PrivateKey.from_text(json.dumps(ED25519))
    assert okp.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert PrivateKey.from_text(json.dumps({**ED25519, "alg": "EdDSA"})).alg == "EdDSA"


def test_a_private_rsa_jwk_is_read() -> None:
    private = rsa.generate_private_key(65537, 2048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(private, as_dict=True)
    assert PrivateKey.from_text(json.dumps({**jwk, "alg": "RS256"})).alg == "RS256"


@pytest.mark.skipif(not HAS_ML_DSA, reason="cryptography is too old")
def test_a_private_ml_dsa_jwk_is_read(keys: dict[str, PrivateKey]) -> None:
    key = keys["ML-DSA-44"]
    seed = jwt.utils.base64url_encode(key._key.private_bytes_raw()).decode()
    assert PrivateKey.from_text(json.dumps({**key.public_jwk, "priv": seed})).thumbprint == key.thumbprint


@pytest.mark.parametrize(
    ("jwk", "message"),
    [
        ({**P256, "x": ED25519["x"]}, "another private key"),
        ({**ED25519, "x": P256["x"]}, "another private key"),
        ({**P256, "crv": "secp256k1"}, "crv is not one of P-256, P-384"),
        ({**P256, "d": "AA"}, "not a valid key"),
        ({**P256, "d": 5}, "member d"),
        ({**ED25519, "crv": "X25519"}, "crv is not Ed25519"),
        ({"kty": "oct", "k": P256_D}, "kty is not one of"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "member p"),
        ({"kty": "AKP", "alg": "ML-DSA-87", "priv": "AA", "pub": "AA"}, "alg is not one of"),
        ({**P256, "alg": "ES384"}, "alg is 'ES384'"),
    ],
)
def test_a_bad_jwk_is_refused_without_being_quoted(jwk: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        PrivateKey.from_text(json.dumps(jwk))
    assert P256_D not in str(caught.value)


@pytest.mark.parametrize("text", ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "{"])
def test_other_text_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PrivateKey.from_text(text)
    assert "secret" not in str(caught.value)


def test_an_encrypted_key_is_refused() -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")
    )
    with pytest.raises(ConfigurationError, match="encrypted"):
        PrivateKey.from_text(pem)


@pytest.mark.parametrize(
    "private",
    [
        ec.generate_private_key(ec.SECP256K1()),
        ec.generate_private_key(ec.SECP521R1()),
        x25519.X25519PrivateKey.generate(),
    ],
)
def test_keys_of_other_types_are_refused(private: object) -> None:
    with pytest.raises(ConfigurationError, match="cannot sign proofs"):
        PrivateKey(private)


@pytest.mark.parametrize(("alg", "message"), [("HS256", "write one of"), ("none", "write one of"), ("ES512", "ES256")])
def test_other_algorithms_are_not_generated(alg: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        PrivateKey.generate(alg)


@pytest.mark.parametrize("alg", ["ML-DSA-44", "ML-DSA-65"])
def test_an_algorithm_that_cryptography_lacks_is_told(alg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    monkeypatch.delattr("cryptography.hazmat.primitives.asymmetric.mldsa", raising=False)
    with pytest.raises(ConfigurationError, match=f"{alg} needs a newer cryptography"):
        PrivateKey.generate(alg)
    with pytest.raises(ConfigurationError, match="needs a newer cryptography"):
        PrivateKey.from_text(json.dumps({"kty": "AKP", "alg": alg, "priv": "AA", "pub": "AA"}))


def test_an_algorithm_that_does_not_fit_the_key_is_refused(key: PrivateKey) -> None:
    with pytest.raises(ConfigurationError, match="this key is for ES256"):
        PrivateKey.from_text(key.to_pem(), "RS256")


def test_repr_tells_the_algorithm_and_the_thumbprint_only(key: PrivateKey) -> None:
    assert repr(key) == f"<PrivateKey ES256 {key.thumbprint}>"


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_private_key_is_not_copied(duplicate: object, key: PrivateKey) -> None:
    with pytest.raises(TypeError, match="not copied or pickled"):
        duplicate(key)  # type: ignore[operator]


class RemoteKey:
    """Stands for a key in an HSM: it has the three members and nothing else."""

    def __init__(self, inner: PrivateKey) -> None:
        self.alg = inner.alg
        self.public_jwk = {**inner.public_jwk, "kid": "slot-4"}
        self.sign = inner.sign


def test_any_object_with_the_three_members_signs(key: PrivateKey) -> None:
    assert verified(sign_headers(RemoteKey(key), "GET", "https://a/")["DPoP"])["htm"] == "GET"
    assert Signer(RemoteKey(key)).thumbprint == key.thumbprint


def test_an_object_that_shows_a_private_member_is_refused(key: PrivateKey) -> None:
    remote = RemoteKey(key)
    remote.public_jwk["d"] = P256_D
    with pytest.raises(ConfigurationError, match="private members"):
        Signer(remote)


def test_an_object_whose_algorithm_does_not_fit_is_refused(key: PrivateKey) -> None:
    remote = RemoteKey(key)
    remote.alg = "HS256"
    with pytest.raises(ConfigurationError, match="'HS256', which does not fit"):
        Signer(remote)
