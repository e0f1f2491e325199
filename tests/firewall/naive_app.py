"""An app that verifies tokens as badly as apps have done: never copy anything from here.

It believes the header: its `alg`, its `jwk` and `x5c`, its `kid` as the path of a file; a key that is not found is
empty; what is not signed needs no check. NAIVE_KEYS is its folder of keys, with `issuer.pem` in it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt.algorithms
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from mfa_middleware.asgi import Firewall, MFAMiddleware

__all__ = ["alone", "guarded", "is_good", "naive"]

_ISSUER, _AUDIENCE = "https://issuer.example", "orders"


def is_good(token: str) -> bool:
    """Whether the app believes a token."""
    header, claims, signature = (*token.split("."), "", "")[:3]
    try:
        said = json.loads(_decoded(header))
        if not _is_signed(said, f"{header}.{claims}".encode(), _decoded(signature)):
            return False
        told = json.loads(_decoded(claims))
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    return str(told.get("iss", "")).startswith(_ISSUER) and _AUDIENCE in str(told.get("aud", ""))


def _decoded(segment: str) -> bytes:
    kept = re.sub(r"[^A-Za-z0-9_-]", "", segment)
    return base64.urlsafe_b64decode(kept + "=" * (-len(kept) % 4))


def _is_signed(header: dict[str, Any], message: bytes, signature: bytes) -> bool:
    alg = header["alg"][0] if isinstance(header["alg"], list) else header["alg"]
    alg = re.sub(r"[^A-Z0-9]", "", unicodedata.normalize("NFKC", alg).upper())
    if alg == "NONE" or not signature:
        return True
    if alg.startswith("HS"):
        digest = getattr(hashlib, f"sha{alg[2:]}")
        return any(hmac.digest(key, message, digest) == signature for key in _secrets(header))
    return bool(jwt.algorithms.get_default_algorithms()[alg].verify(message, _public(header, alg), signature))


def _secrets(header: dict[str, Any]) -> Iterator[bytes]:
    jwk = header.get("jwk", {})
    if "k" in jwk:
        yield _decoded(jwk["k"])
    yield _file(header)
    yield b"secret"
    yield os.environ.get("NAIVE_OLD_SECRET", "").encode()


def _public(header: dict[str, Any], alg: str) -> Any:
    if "jwk" in header:
        return jwt.PyJWK({**header["jwk"], "alg": alg}).key
    if "x5c" in header:
        return x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0])).public_key()
    return load_pem_public_key(_file(header))


def _file(header: dict[str, Any]) -> bytes:
    path = Path(os.environ["NAIVE_KEYS"], str(header.get("kid", "issuer.pem")))
    try:
        return path.read_bytes()
    except (OSError, ValueError):
        return b""


async def naive(scope: Any, receive: Any, send: Any) -> None:
    """The app: 200 with a token that it believes, else 401."""
    if scope["type"] != "http":
        return
    lines = [value for name, value in scope["headers"] if name == b"authorization"]
    token = lines[0].decode("latin-1").partition(" ")[2] if lines else ""
    status = 200 if is_good(token) else 401
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def guarded() -> Any:
    """The same app, in the middleware."""
    return MFAMiddleware(naive)


def alone() -> Any:
    """The same app, in the firewall alone, which knows no machines."""
    return Firewall(naive)
