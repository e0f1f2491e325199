"""Keys and entries for these tests."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mfa_middleware.jose.jwk import b64url

Jwk = dict[str, str]


def new_jwk(curve: ec.EllipticCurve | None = None) -> Jwk:
    curve = curve or ec.SECP256R1()
    numbers = ec.generate_private_key(curve).public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    name = {256: "P-256", 384: "P-384"}[curve.key_size]
    return {"kty": "EC", "crv": name, "x": b64url(numbers.x.to_bytes(size)), "y": b64url(numbers.y.to_bytes(size))}


def new_ed25519_jwk() -> Jwk:
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": b64url(raw)}


def new_rsa_jwk() -> Jwk:
    numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
    return {"kty": "RSA", "e": b64url(numbers.e.to_bytes(3)), "n": b64url(numbers.n.to_bytes(256))}


def entry_of(jwk: Any, **members: Any) -> dict[str, Any]:
    return {"id": "m-1", "jwk": jwk, "algorithm": "ES256", **members}
