"""Claims of another issuer, audience or time, and claims that bind nothing."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any, Final

from mfa_middleware.firewall.context import Context, detects
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.reading import Reading

__all__ = ["DETECTORS", "concerns", "settled_until"]

_DAY: Final = 86_400.0
_FAR: Final = 20 * 365 * _DAY
_NUMBERS: Final = frozenset({int, float})
_DATES: Final = ("exp", "nbf", "iat")
_LOOKED_AT: Final = frozenset({"cnf", "nbf", "at_hash", "c_hash"})
_HASH_LENGTHS: Final = frozenset({22, 32, 43})  # base64url of half of SHA-256, SHA-384 and SHA-512, or of 64 bytes
_NEVER: Final = float("inf")


def concerns(reading: Reading, context: Context) -> bool:
    """Whether the claims are not those of an ordinary token that is valid today, or there are rules for them."""
    claims = reading.payload
    if type(claims) is not dict or context.issuers or context.audiences:
        return type(claims) is dict
    exp: Any = claims.get("exp")
    iat: Any = claims.get("iat", 0)
    if type(exp) not in _NUMBERS or type(iat) not in _NUMBERS or not _LOOKED_AT.isdisjoint(claims):
        return True
    return not (exp - _FAR <= context.now <= exp + _DAY and iat - _DAY <= context.now)


def settled_until(claims: dict[str, Any], now: float) -> float:
    """Until when (unix seconds) the findings of `dates` stay what they are."""
    exp: Any = claims.get("exp")
    iat: Any = claims.get("iat", 0)
    if type(exp) in _NUMBERS and type(iat) in _NUMBERS and "nbf" not in claims and iat <= now <= exp:
        return float(exp - _FAR if exp - _FAR > now else exp + _DAY)
    exp, nbf, iat = (_number(claims.get(name)) for name in _DATES)
    limits = [exp + _DAY, exp - _FAR] if exp is not None else []
    limits += [begin - _DAY for begin in (nbf, iat) if begin is not None]
    return min((limit for limit in limits if limit > now), default=_NEVER)


@detects("issuer_partial_match", "issuer_unknown")
def issuers(reading: Reading, context: Context) -> Iterator[Finding]:
    issuer = _claims(reading).get("iss", "")
    if not context.issuers or not isinstance(reading.payload, dict):
        return
    if not isinstance(issuer, str) or issuer in context.issuers:
        return
    if any(_almost(issuer, known) for known in context.issuers):
        yield context.structural("issuer_partial_match")
    else:
        yield context.policy("issuer_unknown")


@detects("audience_injection", "audience_ambiguous", "audience_mismatch")
def audiences(reading: Reading, context: Context) -> Iterator[Finding]:
    aud = _claims(reading).get("aud", [])
    names = [name for name in (aud if isinstance(aud, list) else [aud]) if isinstance(name, str)]
    if not context.audiences or not isinstance(reading.payload, dict):
        return
    if not context.audiences.isdisjoint(names):
        if not context.audiences >= set(names):
            yield context.policy("audience_ambiguous")
    elif any(_holds(name, context.audiences) for name in names):
        yield context.structural("audience_injection")
    else:
        yield context.policy("audience_mismatch")


@detects("exp_missing", "exp_far_future", "expired_token", "nbf_future")
def dates(reading: Reading, context: Context) -> Iterator[Finding]:
    claims = _claims(reading)
    exp, nbf, iat = (_number(claims.get(name)) for name in _DATES)
    if claims and "exp" not in claims:
        yield context.policy("exp_missing")
    if exp is not None and context.now > exp + _DAY:
        yield context.policy("expired_token")
    if exp is not None and context.now < exp - _FAR:
        yield context.policy("exp_far_future")
    if any(begin is not None and context.now < begin - _DAY for begin in (nbf, iat)):
        yield context.policy("nbf_future")


@detects("numeric_date_type")
def date_types(reading: Reading, context: Context) -> Iterator[Finding]:
    claims = _claims(reading)
    for name in _DATES:
        value = claims.get(name, 0)
        if type(value) not in _NUMBERS:
            yield context.structural("numeric_date_type", f"{name} is a {type(value).__name__}")


@detects("cnf_malformed")
def confirmation(reading: Reading, context: Context) -> Iterator[Finding]:
    claims = _claims(reading)
    if "cnf" not in claims:
        return
    cnf = claims["cnf"]
    if not isinstance(cnf, dict) or not cnf:
        yield context.policy("cnf_malformed", "no object with members")
    elif "jkt" in cnf and not (isinstance(cnf["jkt"], str) and cnf["jkt"]):
        yield context.policy("cnf_malformed", "jkt is no text")


@detects("hash_binding_open")
def hashes(reading: Reading, context: Context) -> Iterator[Finding]:
    claims = _claims(reading)
    for name in ("at_hash", "c_hash"):
        value = claims.get(name)
        if name in claims and not (isinstance(value, str) and len(value) in _HASH_LENGTHS):
            yield context.policy("hash_binding_open", name)


def _claims(reading: Reading) -> dict[str, Any]:
    return reading.payload if isinstance(reading.payload, dict) else {}


def _number(value: Any) -> float | None:
    return value if type(value) in _NUMBERS else None


def _almost(text: str, known: str) -> bool:
    """Whether a text is not a known one, and passes for it where only a part or a pattern is compared."""
    one, other = text.casefold().rstrip("/").strip(), known.casefold().rstrip("/")
    if not one:
        return False
    return one == other or other in one or (len(one) > 8 and other.startswith(one)) or _dots_differ(one, other)


def _dots_differ(one: str, other: str) -> bool:
    """Whether a pattern with unescaped dots matches."""
    return len(one) == len(other) and all(a == b or b == "." for a, b in zip(one, other, strict=True))


def _holds(name: str, known: Set[str]) -> bool:
    folded = name.casefold()
    return any(one.casefold() in folded for one in known if len(one) > 2)


DETECTORS: Final = (issuers, audiences, dates, date_types, confirmation, hashes)
