"""Any proof, honest or broken, with every byte under control; it shares no code with the package."""

from __future__ import annotations

import hashlib
import itertools
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from .keys import KeyPair, b64

__all__ = ["ABSENT", "ath", "content_digest", "encoded", "htq", "jws", "new_jti", "proof"]

ABSENT: Final = object()
"""As the value of a claim or header member: leave it out."""

_jtis = itertools.count(1)


def new_jti() -> str:
    return f"jti-{next(_jtis):010}"


def ath(token: str | bytes) -> str:
    raw = token.encode() if isinstance(token, str) else token
    return b64(hashlib.sha256(raw).digest())


def htq(query: bytes) -> str:
    return b64(hashlib.sha256(query).digest())


def content_digest(body: bytes, name: str = "sha-256") -> str:
    value = hashlib.new(name.replace("-", ""), body).digest()
    return f"{name}=:{b64encode(value).decode('ascii')}:"


def encoded(value: Any) -> str:
    """A JWS segment: bytes as they are, anything else as JSON."""
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode("utf-8"))


def jws(key: KeyPair, header: Any, payload: Any, *, signature: bytes | None = None) -> bytes:
    """A compact JWS of any header and payload (JSON values, or raw bytes), signed unless a signature is given."""
    message = f"{encoded(header)}.{encoded(payload)}".encode("ascii")
    made = key.sign(message) if signature is None else signature
    return message + b"." + b64(made).encode("ascii")


def proof(
    key: KeyPair,
    claims: Mapping[str, Any],
    *,
    header: Mapping[str, Any] | None = None,
    signature: bytes | None = None,
) -> bytes:
    """A proof of these claims, with a new jti; `header` changes the honest header member by member."""
    members = {"typ": "dpop+jwt", "alg": key.alg, "jwk": key.jwk} | dict(header or {})
    full = {"jti": new_jti()} | dict(claims)
    return jws(key, _without(members), _without(full), signature=signature)


def _without(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ABSENT}
