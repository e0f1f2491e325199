"""Proofs written by hand, good ones and all others: nothing here uses the code that is tested, but for the keys."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from mfa_middleware.client import PrivateKey

__all__ = ["ath", "b64", "bearer", "claims_of", "digest", "proof"]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def ath(credential: str) -> str:
    return b64(hashlib.sha256(credential.encode("latin-1")).digest())


def digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def claims_of(method: str, url: str, *, credential: str | None, body: bytes | None) -> dict[str, Any]:
    """The claims of an honest proof for a request."""
    htu, _, query = url.partition("?")
    claims = {"jti": secrets.token_hex(8), "htm": method, "htu": htu, "iat": int(time.time())}
    claims["htq"] = b64(hashlib.sha256(query.encode("latin-1")).digest())
    if credential is not None:
        claims["ath"] = ath(credential)
    if body:
        claims["htd"] = digest(body)
    return claims


def proof(key: PrivateKey, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
    """A compact JWS. A claim or header member that is None is left out."""
    given = {"typ": "dpop+jwt", "alg": key.alg, "jwk": dict(key.public_jwk), **(header or {})}
    signing_input = f"{_segment(given)}.{_segment(claims)}"
    return f"{signing_input}.{b64(key.sign(signing_input.encode()))}"


def bearer(alg: str, signature: str) -> str:
    """A JWT that nobody with a private key has signed."""
    header, claims = _segment({"alg": alg, "typ": "JWT"}), _segment({"iss": "https://id.example.com", "sub": "depot"})
    return f"{header}.{claims}.{signature}"


def _segment(value: Mapping[str, Any]) -> str:
    return b64(json.dumps({name: member for name, member in value.items() if member is not None}).encode())
