"""The primary credential of this app: an API key, or a JWT of its issuer. A real app has its own."""

from __future__ import annotations

import os
from pathlib import Path

import jwt


def accepts(api_key: str | None, authorization: str | None) -> bool:
    """Whether X-API-Key, or the token in Authorization, is one that this app knows."""
    known = os.environ.get("EXAMPLE_API_KEYS", "demo-key").split(",")
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() not in ("bearer", "dpop"):
        token = ""
    return api_key in known or token in known or _is_valid_jwt(token)


def _is_valid_jwt(token: str) -> bool:
    path = os.environ.get("EXAMPLE_JWT_PUBLIC_KEY")
    if not path or not token:
        return False
    try:
        jwt.decode(token, Path(path).read_text(), algorithms=["RS256"], options={"verify_aud": False})
    except jwt.InvalidTokenError:
        return False
    return True
