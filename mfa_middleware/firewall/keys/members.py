"""A key object of `cryptography` as the required members of its JWK (RFC 7518 6, RFC 8037 2)."""

from __future__ import annotations

from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_middleware.firewall.keys.key import BadKey
from mfa_middleware.jose.jwk import b64url

__all__ = ["members_of"]

_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "secp256k1"}


def members_of(public: object) -> dict[str, str]:
    """The required members of a public key, in the order of RFC 7638. Raises BadKey for a type without a JWK."""
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"e": _unsigned(numbers.e), "kty": "RSA", "n": _unsigned(numbers.n)}
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _CURVES:
        point, size = public.public_numbers(), public.key_size + 7 >> 3
        x, y = (b64url(number.to_bytes(size)) for number in (point.x, point.y))
        return {"crv": _CURVES[public.curve.name], "kty": "EC", "x": x, "y": y}
    if isinstance(public, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return {"crv": type(public).__name__.removesuffix("PublicKey"), "kty": "OKP", "x": b64url(_raw(public))}
    raise BadKey("its type has no JWK that is supported; write an RSA, EC, Ed25519 or Ed448 key")


def _unsigned(number: int) -> str:
    return b64url(number.to_bytes(number.bit_length() + 7 >> 3))


def _raw(public: Any) -> bytes:
    raw: bytes = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return raw
