"""Family H: claims, and tokens that were issued for somebody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mfa_middleware.cli.probe.forgeries.made import Forged, Tokens
from mfa_middleware.cli.probe.target import Target

__all__ = ["TOKENS"]

_YEAR: Final = 365 * 86_400


def _with(note: str, target: Target, **changed: Any) -> Forged:
    """The claims of the honest token with changes; None leaves a claim out."""
    claims = {name: value for name, value in {**target.claims, **changed}.items() if value is not None}
    return Forged(target.signed(claims=claims), note)


def _dates(**ahead: int) -> Tokens:
    """Dates so many seconds ahead."""
    return lambda target: [
        _with(f"{name} {seconds // 86_400} days ahead", target, **{name: int(target.clock()) + seconds})
        for name, seconds in ahead.items()
    ]


def _values(name: str, *values: Any) -> Tokens:
    """One claim with these values."""
    return lambda target: [_with(f"{name}: {ascii(value)[:40]}", target, **{name: value}) for value in values]


def _issuer_partial(target: Target) -> Iterator[Forged]:
    issuer = str(target.claims.get("iss", "https://issuer.example"))
    for other in (issuer + ".attacker.example", issuer.upper(), issuer[:-1], issuer.replace(".", "x", 1)):
        if other != issuer:
            yield _with(other, target, iss=other)


def _audience(target: Target) -> str:
    audience = target.claims.get("aud", "orders")
    return str(audience[0] if isinstance(audience, list) and audience else audience)


def _audience_injection(target: Target) -> Iterator[Forged]:
    ours = _audience(target)
    for other in (f"{ours}.attacker.example", f"https://attacker.example/?{ours}", ours.upper()):
        if other != ours:
            yield _with(other, target, aud=other)


def _audience_ambiguous(target: Target) -> Iterator[Forged]:
    yield _with("ours and another", target, aud=[_audience(target), "https://attacker.example"])


TOKENS: Final[Mapping[str, Tokens]] = {
    "issuer_partial_match": _issuer_partial,
    "issuer_unknown": _values("iss", "https://elsewhere.example.net", None),
    "audience_injection": _audience_injection,
    "audience_ambiguous": _audience_ambiguous,
    "audience_mismatch": _values("aud", "somebody-else", None),
    "hash_binding_open": _values("at_hash", 1, "short", ["a"]),
    "exp_missing": _values("exp", None),
    "exp_far_future": _dates(exp=100 * _YEAR),
    "expired_token": _dates(exp=-30 * 86_400),
    "nbf_future": _dates(nbf=10 * 86_400, iat=10 * 86_400),
    "numeric_date_type": _values("exp", "9999999999", True, [1], {"a": 1}),
    "cnf_malformed": _values("cnf", {}, "x", [], {"jkt": 1}, {"jkt": ""}),
}
