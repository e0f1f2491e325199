"""Signatures by PyJWT: one message, one key, one algorithm. `none` is not among the algorithms it knows here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from jwt import PyJWS
from jwt.algorithms import Algorithm, OKPAlgorithm
from jwt.exceptions import PyJWTError

from mfa_middleware.jose.jwk import PublicKey
from mfa_middleware.jose.strict import decode_segment

__all__ = ["SUPPORTED", "is_signed_by", "verifies"]

_OF_PYJWT: Final = (
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES256K", "ES384", "ES512", "EdDSA",
)  # fmt: skip


class _MLDSA(Algorithm):
    """ML-DSA, which PyJWT does not know yet (RFC 9964)."""

    def prepare_key(self, key: Any) -> Any:
        return key

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        try:
            key.verify(sig, msg)
        except InvalidSignature:
            return False
        return True

    def sign(self, msg: bytes, key: Any) -> bytes:
        raise NotImplementedError

    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
        raise NotImplementedError

    @staticmethod
    def from_jwk(jwk: Any) -> Any:
        raise NotImplementedError


def _jws() -> PyJWS:
    jws = PyJWS(algorithms=list(_OF_PYJWT))
    for name in ("Ed25519", "Ed448"):  # RFC 9864
        jws.register_algorithm(name, OKPAlgorithm())
    for name in ("ML-DSA-44", "ML-DSA-65"):
        jws.register_algorithm(name, _MLDSA())
    return jws


_JWS: Final = _jws()
SUPPORTED: Final[Mapping[str, Algorithm]] = {name: _JWS.get_algorithm_by_name(name) for name in _JWS.get_algorithms()}
"""Every algorithm by the name that tokens have for it."""


def is_signed_by(token: bytes, public: PublicKey, algorithm: str) -> bool:
    """Whether a compact JWS that was read strictly has a good signature of this key under exactly this algorithm.

    What was signed is the text as it came, with the padding that some load balancers sign.
    """
    message, _, signature = token.rpartition(b".")
    return verifies(message, decode_segment(signature.rstrip(b"=")), public, algorithm)


def verifies(message: bytes, signature: bytes, public: PublicKey, algorithm: str) -> bool:
    """Whether a signature over any bytes is good; for what has no canonical form."""
    scheme = SUPPORTED[algorithm]
    try:
        return scheme.verify(message, scheme.prepare_key(public), signature)
    except (PyJWTError, ValueError, TypeError):
        return False
