"""What a bearer JWT says of itself, before anybody has verified it, and which tricks stand in it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from mfa_middleware.credentials import Credential
from mfa_middleware.firewall import Finding, inspect
from mfa_middleware.jose.strict import TOKEN, Malformed, decode_segment, parse_object, split_compact

__all__ = ["Bearer", "BearerReader"]

_MAX_LENGTH: Final = 16_384
_CACHED: Final = 4_096
_LONGEST_CACHED: Final = 512  # characters; anybody can send any number of long ones


@dataclass(frozen=True, slots=True)
class Bearer:
    """The claims of a bearer JWT that bind it, unverified; the app goes on verifying the token.

    `jkt` is the thumbprint that `cnf` confirms (RFC 9449 6.1), empty where it is no text. All are None where the
    credential is no JWT.
    """

    issuer: str | None = None
    subject: str | None = None
    jkt: str | None = None
    findings: tuple[Finding, ...] = ()


_OPAQUE: Final = Bearer()


class BearerReader:
    """Reads the JWT in a credential once, and remembers what it read under the credential's hash."""

    __slots__ = ("_accepted", "_read")

    def __init__(self, accepted: Set[str]) -> None:
        self._accepted = accepted
        self._read: dict[tuple[str, str], Bearer] = {}

    def read(self, credential: Credential) -> Bearer:
        """What the credential says of itself; an opaque one says nothing."""
        if b"." not in credential.token:
            return _OPAQUE
        name = credential.place, credential.ath
        known = self._read.get(name)
        if known is None:
            known = self._parse(credential)
            self._remember(name, known)
        return known

    def _remember(self, name: tuple[str, str], bearer: Bearer) -> None:
        """A full cache is emptied, not searched, so that no thread finds it half changed."""
        if len(bearer.issuer or "") + len(bearer.subject or "") + len(bearer.jkt or "") > _LONGEST_CACHED:
            return
        if len(self._read) >= _CACHED:
            self._read.clear()
        self._read[name] = bearer

    def _parse(self, credential: Credential) -> Bearer:
        findings = inspect(credential.token, credential.place, self._accepted)
        if len(credential.token) > _MAX_LENGTH:
            return Bearer(findings=findings)
        try:
            claims = parse_object(decode_segment(split_compact(credential.token).payload), TOKEN)
        except Malformed:
            return Bearer(findings=findings)
        return Bearer(_text(claims.get("iss")), _text(claims.get("sub")), _confirmed(claims.get("cnf")), findings)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _confirmed(cnf: object) -> str | None:
    return _text(cnf["jkt"]) or "" if isinstance(cnf, dict) and "jkt" in cnf else None
