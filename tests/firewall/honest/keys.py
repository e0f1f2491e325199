"""One key for each algorithm, in the forms that the libraries read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt.algorithms
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mfa_middleware.jose.jwk import b64url

__all__ = ["ALGORITHMS", "SECRET_ALGORITHMS", "HonestKey", "key_for"]

SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")
_CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1(), "ES256K": ec.SECP256K1()}
ALGORITHMS = (
    *SECRET_ALGORITHMS, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", *_CURVES, "EdDSA", "Ed25519", "Ed448",
)  # fmt: skip


@dataclass(frozen=True)
class HonestKey:
    """A key of one algorithm; `private` is a key object, or the bytes of a secret."""

    algorithm: str
    private: Any

    @property
    def is_secret(self) -> bool:
        return isinstance(self.private, bytes)

    @property
    def pem(self) -> bytes:
        pem: bytes = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem

    @property
    def public_pem(self) -> bytes:
        pem: bytes = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    @property
    def jwk(self) -> dict[str, str]:
        """The private JWK."""
        if self.is_secret:
            return {"kty": "oct", "k": b64url(self.private)}
        return _jwk(self.algorithm, self.private)

    @property
    def registered(self) -> Mapping[str, str]:
        """What stands in MFA_JWT_KEYS: the public JWK with its algorithm, without a kid."""
        jwk = self.jwk if self.is_secret else _jwk(self.algorithm, self.private.public_key())
        return {**jwk, "alg": "EdDSA" if self.algorithm in ("Ed25519", "Ed448") else self.algorithm}


def _jwk(algorithm: str, key: Any) -> dict[str, str]:
    name = {"Ed25519": "EdDSA", "Ed448": "EdDSA"}.get(algorithm, algorithm)
    jwk: dict[str, str] = json.loads(jwt.algorithms.get_default_algorithms()[name].to_jwk(key))
    return {name: value for name, value in jwk.items() if name != "key_ops"}


@cache
def key_for(algorithm: str) -> HonestKey:
    """The key of an algorithm. EdDSA and Ed25519 name the same one."""
    if algorithm == "Ed25519":
        return HonestKey(algorithm, key_for("EdDSA").private)
    if algorithm in SECRET_ALGORITHMS:
        return HonestKey(algorithm, bytes(range(7, 71)) + algorithm.encode())
    if algorithm in _CURVES:
        return HonestKey(algorithm, ec.generate_private_key(_CURVES[algorithm]))
    if algorithm == "EdDSA":
        return HonestKey(algorithm, ed25519.Ed25519PrivateKey.generate())
    if algorithm == "Ed448":
        return HonestKey(algorithm, ed448.Ed448PrivateKey.generate())
    return HonestKey(algorithm, rsa.generate_private_key(65537, 2048))
