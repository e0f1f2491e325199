"""What a bearer JWT says of itself, before anybody has verified it, and which tricks stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mfa_middleware.credentials import Credential
from mfa_middleware.firewall.context import Keys
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.inspector import Inspector, Verdict
from mfa_middleware.http import Address

__all__ = ["Bearer", "BearerReader"]

_CACHED: Final = 4_096
_LONGEST_CACHED: Final = 512  # characters; anybody can send any number of long ones


class Bearer(NamedTuple):
    """The claims of a bearer JWT that bind it; the app goes on verifying the token.

    `issuer` and `subject` are None where two parsers may read different ones. `jkt` is the thumbprint that `cnf`
    confirms (RFC 9449 6.1), empty where it is no text. `refused_for`: the ids of the tricks for which the token may
    not pass. `verified`: whether the firewall verified it; None where it has no keys. `claims`: those that it verified.
    """

    issuer: str | None = None
    subject: str | None = None
    jkt: str | None = None
    findings: tuple[Finding, ...] = ()
    refused_for: tuple[str, ...] = ()
    is_token: bool = False
    verified: bool | None = None
    claims: Mapping[str, Any] | None = None


_OPAQUE: Final = Bearer()


class _Known(NamedTuple):
    """A bearer that was read, until when (unix seconds) it comes out the same, and with which keys."""

    bearer: Bearer
    until: float
    keys: Keys | None


class BearerReader:
    """Reads the JWT in a credential once, and remembers what it read under the credential's hash."""

    __slots__ = ("_inspector", "_known")

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._known: dict[tuple[str, str], _Known] = {}

    def read(self, credential: Credential, now: float, source: Address | None = None) -> Bearer:
        """What the credential says of itself; an opaque one says nothing. `now` in unix seconds."""
        name = credential.place, credential.ath
        known, keys = self._known.get(name), self._inspector.keys()
        if known is not None and known.until > now and known.keys is keys:
            return known.bearer
        verdict = self._inspector.inspect(credential.token, credential.place, now, source)
        if not verdict.is_token:
            return _OPAQUE
        bearer = _bearer(verdict)
        self._remember(name, _Known(bearer, verdict.until, keys))
        return bearer

    def _remember(self, name: tuple[str, str], known: _Known) -> None:
        """A full cache is emptied, not searched, so that no thread finds it half changed."""
        bearer = known.bearer
        if len(bearer.issuer or "") + len(bearer.subject or "") + len(bearer.jkt or "") > _LONGEST_CACHED:
            return
        if len(self._known) >= _CACHED:
            self._known.clear()
        self._known[name] = known


def _bearer(verdict: Verdict) -> Bearer:
    claims, unsure = verdict.claims or {}, verdict.unsure_claims or {}
    return Bearer(
        _text(claims.get("iss")),
        _text(claims.get("sub")),
        _confirmed(unsure),
        verdict.findings,
        verdict.refused_for,
        True,
        verdict.verified,
        verdict.claims if verdict.verified else None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _confirmed(claims: Mapping[str, Any]) -> str | None:
    cnf = claims.get("cnf")
    return _text(cnf["jkt"]) or "" if isinstance(cnf, dict) and "jkt" in cnf else None
