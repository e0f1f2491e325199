"""The forms of a public key that a careless library may take for the secret of an HMAC."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_middleware.cli.probe.target import KnownKey
from mfa_middleware.client.keys import jwk_of

__all__ = ["forms_of"]


def forms_of(key: KnownKey) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each form, the likeliest first."""
    public = key.public
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield from key.texts.items()
    yield from _texts(pem)
    yield "DER", der
    yield "base64 of the DER", b64encode(der)
    yield from _jwks(jwk_of(public))
    yield from _special(public)


def _texts(pem: bytes) -> Iterator[tuple[str, bytes]]:
    yield "PEM", pem
    yield "PEM without its last line end", pem.rstrip(b"\n")
    yield "PEM with CRLF", pem.replace(b"\n", b"\r\n")
    yield "PEM in one line", pem.replace(b"\n", b"")
    yield "PEM after a space", b" " + pem
    yield "PEM after a byte order mark", b"\xef\xbb\xbf" + pem


def _jwks(jwk: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    yield "JWK", json.dumps(jwk, separators=(",", ":")).encode()
    yield "JWK with its names in order", json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()
    member = "n" if "n" in jwk else "x"
    yield f"the text of {member}", jwk[member].encode()


def _special(public: Any) -> Iterator[tuple[str, bytes]]:
    if isinstance(public, rsa.RSAPublicKey):
        yield "PKCS #1 PEM", public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
        yield "PKCS #1 DER", public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    if isinstance(public, ec.EllipticCurvePublicKey):
        yield "the point of the curve", public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if isinstance(public, ed25519.Ed25519PublicKey):
        yield "the raw key", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    yield "OpenSSH line", public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
