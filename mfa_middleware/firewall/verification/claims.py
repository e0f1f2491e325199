"""The registered claims of a token: of the right type, in time, by the right issuer, for this app (RFC 7519 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mfa_middleware.firewall.verification.reason import Fault, Reason

__all__ = ["Expected"]

_TEXTS: Final = ("iss", "sub", "jti")
_TIMES: Final = ("exp", "nbf", "iat")


@dataclass(frozen=True, slots=True)
class Expected:
    """What the claims must be. Empty `issuers` or `audiences`: any. `leeway`: seconds that clocks may differ by."""

    issuers: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    leeway: float = 30.0

    def check(self, claims: Mapping[str, Any], now: float) -> None:
        """Raises Fault for the first claim that is wrong; `now` in unix seconds."""
        _check_types(claims)
        self._check_times(claims, now)
        if self.issuers and claims.get("iss") not in self.issuers:
            raise Fault(Reason.ISSUER, "iss is missing or not in MFA_JWT_ISSUERS")
        if self.audiences and self.audiences.isdisjoint(_audiences(claims)):
            raise Fault(Reason.AUDIENCE, "aud is missing or has nothing of MFA_JWT_AUDIENCES")

    def _check_times(self, claims: Mapping[str, Any], now: float) -> None:
        if "exp" in claims and now >= claims["exp"] + self.leeway:
            raise Fault(Reason.EXPIRED, f"expired {now - claims['exp']:.0f} s ago")
        for name in ("nbf", "iat"):
            if name in claims and claims[name] > now + self.leeway:
                raise Fault(Reason.NOT_YET, f"{name} is {claims[name] - now:.0f} s ahead")


def _check_types(claims: Mapping[str, Any]) -> None:
    for name in _TEXTS:
        if name in claims and not isinstance(claims[name], str):
            raise Fault(Reason.CLAIM_TYPE, f"{name} is no text")
    for name in _TIMES:
        if name in claims and type(claims[name]) not in (int, float):
            raise Fault(Reason.CLAIM_TYPE, f"{name} is no number")
    if "aud" in claims and not all(isinstance(name, str) for name in _audiences(claims)):
        raise Fault(Reason.CLAIM_TYPE, "aud is neither text nor a list of texts")


def _audiences(claims: Mapping[str, Any]) -> list[Any]:
    audience = claims.get("aud", [])
    return audience if isinstance(audience, list) else [audience]
