"""What a bearer JWT says of itself, before anybody has verified it, and which tricks stand in it."""

from __future__ import annotations

import threading
from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from cachetools import FIFOCache

from mfa_middleware.credentials import Credential
from mfa_middleware.firewall import Finding, inspect
from mfa_middleware.jose.strict import TOKEN, Malformed, decode_segment, parse_object, split_compact

__all__ = ["Bearer", "BearerReader"]

_MAX_LENGTH: Final = 16_384
_CACHED: Final = 4_096


@dataclass(frozen=True, slots=True)
class Bearer:
    """The claims of a bearer JWT that bind it, unverified; the app goes on verifying the token.

    `jkt` is the thumbprint that `cnf` confirms (RFC 9449 6.1). All are None where the credential is no JWT.
    """

    issuer: str | None = None
    subject: str | None = None
    jkt: str | None = None
    findings: tuple[Finding, ...] = ()


_OPAQUE: Final = Bearer()


class BearerReader:
    """Reads the JWT in a credential once, and remembers what it read under the credential's hash."""

    __slots__ = ("_accepted", "_lock", "_read")

    def __init__(self, accepted: Set[str]) -> None:
        self._accepted = accepted
        self._read: FIFOCache[str, Bearer] = FIFOCache(_CACHED)
        self._lock = threading.Lock()

    def read(self, credential: Credential) -> Bearer:
        """What the credential says of itself; an opaque one says nothing."""
        if b"." not in credential.token:
            return _OPAQUE
        known = self._read.get(credential.ath)
        if known is None:
            known = self._parse(credential)
            with self._lock:
                self._read[credential.ath] = known
        return known

    def _parse(self, credential: Credential) -> Bearer:
        findings = inspect(credential.token, credential.place, self._accepted)
        if len(credential.token) > _MAX_LENGTH:
            return Bearer(findings=findings)
        try:
            claims = parse_object(decode_segment(split_compact(credential.token).payload), TOKEN)
        except Malformed:
            return Bearer(findings=findings)
        confirmation = claims.get("cnf")
        jkt = confirmation.get("jkt") if isinstance(confirmation, dict) else None
        return Bearer(_text(claims.get("iss")), _text(claims.get("sub")), _text(jkt), findings)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
