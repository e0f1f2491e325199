"""Key pairs of every kind that proofs know, and of some that they refuse, straight from `cryptography`."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CURVES: dict[str, tuple[ec.EllipticCurve, int, hashes.HashAlgorithm]] = {
    "ES256": (ec.SECP256R1(), 32, hashes.SHA256()),
    "ES384": (ec.SECP384R1(), 48, hashes.SHA384()),
    "ES512": (ec.SECP521R1(), 66, hashes.SHA512()),
    "ES256K": (ec.SECP256K1(), 32, hashes.SHA256()),
}
NAMES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


@dataclass(frozen=True)
class KeyPair:
    """A JOSE algorithm, a public JWK, and what signs for it."""

    alg: str
    jwk: dict[str, Any]
    sign: Callable[[bytes], bytes]

    @property
    def thumbprint(self) -> str:
        """RFC 7638, written a second time: the required members, sorted."""
        required = {"EC": "crv kty x y", "OKP": "crv kty x", "RSA": "e kty n", "AKP": "alg kty pub"}[self.jwk["kty"]]
        members = {name: self.jwk[name] for name in required.split()}
        text = json.dumps(members, sort_keys=True, separators=(",", ":"))
        return b64(hashlib.sha256(text.encode("utf-8")).digest())


def new_ec(alg: str = "ES256") -> KeyPair:
    curve, size, digest = CURVES[alg]
    key = ec.generate_private_key(curve)
    public = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": NAMES[alg], "x": b64(public.x.to_bytes(size)), "y": b64(public.y.to_bytes(size))}

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
        return r.to_bytes(size) + s.to_bytes(size)

    return KeyPair(alg, jwk, sign)


def new_ed25519(alg: str = "Ed25519") -> KeyPair:
    key = ed25519.Ed25519PrivateKey.generate()
    return KeyPair(alg, {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_key().public_bytes_raw())}, key.sign)


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def rsa_jwk(n: int, e: int = 65537) -> dict[str, str]:
    return {
        "kty": "RSA",
        "n": b64(n.to_bytes((n.bit_length() + 7) // 8)),
        "e": b64(e.to_bytes((e.bit_length() + 7) // 8)),
    }


def new_rsa(alg: str = "PS256", bits: int = 2048) -> KeyPair:
    key = rsa_key(bits)
    public = key.public_key().public_numbers()

    def sign(message: bytes) -> bytes:
        digest = hashes.SHA256()
        scheme = padding.PSS(padding.MGF1(digest), 32) if alg == "PS256" else padding.PKCS1v15()
        return key.sign(message, scheme, digest)

    return KeyPair(alg, rsa_jwk(public.n, public.e), sign)


def new_ml_dsa(alg: str) -> KeyPair:
    from cryptography.hazmat.primitives.asymmetric import mldsa

    kinds = {"ML-DSA-44": mldsa.MLDSA44PrivateKey, "ML-DSA-65": mldsa.MLDSA65PrivateKey}
    key = kinds[alg].generate()
    return KeyPair(alg, {"kty": "AKP", "alg": alg, "pub": b64(key.public_key().public_bytes_raw())}, key.sign)


@cache
def key_for(alg: str) -> KeyPair:
    """One key pair for each algorithm, the same in all tests."""
    if alg in CURVES:
        return new_ec(alg)
    if alg in ("Ed25519", "EdDSA"):
        return new_ed25519(alg)
    return new_ml_dsa(alg) if alg.startswith("ML-DSA") else new_rsa(alg)


@cache
def stranger() -> KeyPair:
    """The key of a machine that nobody enrolled."""
    return new_ec("ES256")
