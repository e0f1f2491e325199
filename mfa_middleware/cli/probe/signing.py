"""Keys that a forger makes for himself, and any key that signs tokens."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from jwt import algorithms

from mfa_middleware.cli.probe.tokens import Json, compact, joined
from mfa_middleware.client.keys import jwk_of

__all__ = ["SigningKey", "certificate_of", "fresh_key"]

_CURVES: Final[Mapping[str, ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
    "ES256K": ec.SECP256K1(),
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key of `cryptography`, the algorithm it signs with, and the `kid` it goes by."""

    algorithm: str
    private: Any = field(repr=False)
    kid: str | None = None

    @property
    def jwk(self) -> dict[str, str]:
        """The public key."""
        return jwk_of(self.private.public_key())

    def sign(self, message: bytes) -> bytes:
        """The signature as JOSE writes it (RFC 7518 3)."""
        signed: bytes = algorithms.get_default_algorithms()[self.algorithm].sign(message, self.private)
        return signed

    def token(self, header: Json, payload: Json) -> bytes:
        """The compact form under this key; the header says what it wants."""
        return compact(header, payload, self.sign(joined(header, payload)))


@cache
def fresh_key(algorithm: str, number: int = 0) -> SigningKey:
    """A key that nobody has registered; `number` tells several apart."""
    if algorithm in _CURVES:
        return SigningKey(algorithm, ec.generate_private_key(_CURVES[algorithm]), str(number))
    if algorithm == "EdDSA":
        return SigningKey(algorithm, ed25519.Ed25519PrivateKey.generate(), str(number))
    return SigningKey(algorithm, rsa.generate_private_key(65537, 2048), str(number))


def certificate_of(key: SigningKey, now: float) -> str:
    """A certificate that a key has signed for itself, in base64 of DER, as `x5c` carries it (RFC 7515 4.1.6)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer.example")])
    day = dt.timedelta(days=1)
    today = dt.datetime.fromtimestamp(now, dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - day)
        .not_valid_after(today + day)
        .sign(key.private, hashes.SHA256())
    )
    return b64encode(made.public_bytes(Encoding.DER)).decode("ascii")
