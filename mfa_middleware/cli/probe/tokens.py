"""Tokens put together by hand, as no JWT library would make them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from mfa_middleware.jose.jwk import b64url

__all__ = ["DIGESTS", "Json", "compact", "hmac_signed", "joined", "segment", "unpadded"]

Json: TypeAlias = "Mapping[str, Any] | bytes"
"""A JSON object, or the very bytes of a segment before its encoding."""

DIGESTS: Final[Mapping[str, str]] = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def segment(value: Json) -> bytes:
    """One part of a token, encoded."""
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode("utf-8")
    return b64url(raw).encode("ascii")


def joined(header: Json, payload: Json) -> bytes:
    """What is signed (RFC 7515 5.1)."""
    return segment(header) + b"." + segment(payload)


def compact(header: Json, payload: Json, signature: bytes = b"") -> bytes:
    """The compact form with any signature."""
    return joined(header, payload) + b"." + b64url(signature).encode("ascii")


def hmac_signed(header: Json, payload: Json, secret: bytes, algorithm: str = "HS256") -> bytes:
    """The compact form under an HMAC with any secret, also an empty one or a public key."""
    signing_input = joined(header, payload)
    return compact(header, payload, hmac.digest(secret, signing_input, getattr(hashlib, DIGESTS[algorithm])))


def unpadded(text: bytes) -> bytes:
    """A base64url text without its padding."""
    return text.rstrip(b"=")
