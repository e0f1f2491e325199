"""Keys, tokens and rings for the tests of what verifies bearer tokens."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from mfa_middleware.events import Event
from mfa_middleware.firewall.keys import KeyRing, open_keys
from mfa_middleware.firewall.keys.members import members_of
from mfa_middleware.jose.jwk import b64url
from mfa_middleware.testing import FrozenClock

NOW = 1_800_000_000.0
CURVES: Mapping[str, ec.EllipticCurve] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
    "ES256K": ec.SECP256K1(),
}
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", *CURVES, "Ed25519", "Ed448"]


@functools.cache
def private_key(algorithm: str, number: int = 0) -> Any:
    """A private key for an algorithm; the same one for the same number."""
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm])
    if algorithm.startswith("Ed"):
        return (ed448.Ed448PrivateKey if algorithm == "Ed448" else ed25519.Ed25519PrivateKey).generate()
    return _rsa_key(number)


@functools.cache
def _rsa_key(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def jwk_of(private: Any, **more: Any) -> dict[str, Any]:
    """The public JWK of a private key."""
    return members_of(private.public_key()) | more


def pem_of(private: Any) -> str:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwks_of(*jwks: Mapping[str, Any]) -> str:
    return json.dumps({"keys": list(jwks)})


def secret_jwk(length: int = 32, **more: Any) -> dict[str, Any]:
    return {"kty": "oct", "k": b64url(bytes(range(1, length + 1)))} | more


def certificate_of(private: Any, name: str = "signer") -> x509.Certificate:
    """A certificate that a key gave itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(subject, subject, private.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + dt.timedelta(days=20_000))
    return builder.sign(private, None if hasattr(private, "private_bytes_raw") else hashes.SHA256())


def token_of(
    private: Any, algorithm: str, claims: Mapping[str, Any] | None = None, header: Mapping[str, Any] | None = None
) -> bytes:
    """A token by PyJWT; an algorithm that it has no name for is written into the header all the same."""
    name = "EdDSA" if algorithm.startswith("Ed") else algorithm
    given = {"sub": "someone", "exp": int(NOW) + 600} if claims is None else dict(claims)
    jws = jwt.PyJWS()
    if algorithm != name:
        jws.register_algorithm(algorithm, jws.get_algorithm_by_name(name))
    return jws.encode(json.dumps(given).encode(), private, algorithm, dict(header or {})).encode()


def ring_of(*items: str | Mapping[str, Any], accepted: Iterable[str] = (), **more: Any) -> KeyRing:
    """A ring without a thread; its events are not told."""
    written = [item if isinstance(item, str) else json.dumps(item) for item in items]
    more.setdefault("emit", _silent)
    more.setdefault("clock", FrozenClock(NOW))
    return open_keys(written, accepted=frozenset(accepted), background=False, **more)


def _silent(event: Event) -> None:
    """Nobody listens."""


Opened = Callable[..., KeyRing]
