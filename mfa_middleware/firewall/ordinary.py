"""What ordinary tokens look like, told in a few comparisons: no detector finds anything in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["is_ordinary_header", "is_ordinary_payload"]

_NAMES: Final = frozenset({"alg", "typ", "kid"})
_TYPES: Final = ("JWT", "at+jwt", "jwt", "application/at+jwt")
_KID: Final = re.compile(r"(?!/)[A-Za-z0-9_=+-][A-Za-z0-9_=+/.:-]{0,255}")
_ISSUER: Final = re.compile(r"https://[A-Za-z0-9.-]++(?::[0-9]++)?(?:/[A-Za-z0-9._~/-]*+)?|[A-Za-z0-9_ -]*+")
_LOOKED_AT: Final = frozenset({"htm", "at_hash", "c_hash", "s_hash", "nonce"})
_NUMBERS: Final = frozenset({int, float})
_SECONDS: Final = 365 * 86_400.0


def is_ordinary_header(header: Mapping[str, Any]) -> bool:
    """Whether a header has nothing but `alg`, a usual `typ`, and a `kid` that does nothing to a lookup."""
    if not header.keys() <= _NAMES or type(header.get("alg")) is not str:
        return False
    kid = header.get("kid", "0")
    if type(kid) is not str or _KID.fullmatch(kid) is None or ".." in kid or ":/" in kid:
        return False
    return header.get("typ", "JWT") in _TYPES


def is_ordinary_payload(claims: Mapping[str, Any], now: float) -> bool:
    """Whether the claims are of the right types, valid now and within a year, and say nothing of keys or proofs."""
    get = claims.get
    exp: Any = get("exp")
    iat, nbf, issuer = get("iat", 0), get("nbf", 0), get("iss", "")
    if not (type(exp) in _NUMBERS and type(iat) in _NUMBERS and type(nbf) in _NUMBERS):
        return False
    if not (iat <= now <= exp <= now + _SECONDS and nbf <= now and _LOOKED_AT.isdisjoint(claims)):
        return False
    if not type(issuer) is type(get("sub", "")) is type(get("jti", "")) is str or type(get("aud", "")) is dict:
        return False
    return _ISSUER.fullmatch(issuer) is not None and ("cnf" not in claims or _is_bound(claims["cnf"]))


def _is_bound(cnf: Any) -> bool:
    return type(cnf) is dict and type(cnf.get("jkt")) is str and bool(cnf["jkt"])
