"""Tricks with `alg`: none in every spelling, no signature at all, an HMAC where only public keys are in use."""

from __future__ import annotations

import json
import re
import unicodedata
from base64 import urlsafe_b64decode
from collections.abc import Set
from typing import Any, Final

from mfa_middleware.firewall.catalog import Evidence, Finding

__all__ = ["inspect"]

_MAX_HEADER: Final = 16_384
_MAX_ALG: Final = 256
_NOT_WORD: Final = re.compile(r"[\W_]+")


def inspect(token: bytes, where: str, accepted: Set[str]) -> tuple[Finding, ...]:
    """Every trick with `alg` in a credential that looks like a JWT, verified or not.

    `accepted`: the algorithms of MFA_JWT_ALGORITHMS; empty where the app does not say.
    """
    first, dot, rest = token.partition(b".")
    header = _lenient_header(first) if dot else None
    if header is None:
        return ()
    names = _algorithm(header.get("alg"), where, accepted)
    signed = rest.rpartition(b".")[2]
    if not signed.strip(b"=") and not any(finding.id.startswith("alg_none") for finding in names):
        return (*names, Finding("null_signature", Evidence.STRUCTURAL, where))
    return names


def _algorithm(alg: Any, where: str, accepted: Set[str]) -> tuple[Finding, ...]:
    if _folded(alg) == "none":
        trick = "alg_none" if alg == "none" else "alg_none_obfuscated"
        return (Finding(trick, Evidence.STRUCTURAL, where),)
    if not accepted or (isinstance(alg, str) and alg in accepted):
        return ()
    if _folded(alg).startswith("hs") and not any(name.startswith("HS") for name in accepted):
        return (Finding("key_confusion", Evidence.STRUCTURAL, where),)
    return (Finding("alg_not_accepted", Evidence.POLICY, where),)


def _folded(alg: Any) -> str:
    """`alg` as a careless verifier may read it: the only item of a list, compatibility forms, no white space."""
    if isinstance(alg, list) and len(alg) == 1:
        alg = alg[0]
    text = unicodedata.normalize("NFKC", alg.strip()[:_MAX_ALG]) if isinstance(alg, str) else ""
    return _NOT_WORD.sub("", text).casefold()


def _lenient_header(segment: bytes) -> dict[str, Any] | None:
    """The header as the most lenient library would read it, so that no spelling of a trick goes unseen."""
    if not 4 <= len(segment) <= _MAX_HEADER:
        return None
    try:
        header = json.loads(urlsafe_b64decode(segment.rstrip(b"=") + b"=="))
    except (ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) and "alg" in header else None
