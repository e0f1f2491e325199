"""The primary credentials that a machine may use: named by hash, or by issuer and subject of a JWT."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = ["Permits"]

Subject: TypeAlias = tuple[str, str]

# Base64url of 32 bytes: 43 characters, and the last one carries only four bits.
_HASH: Final = re.compile(r"sha256:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_MAX_CLAIM: Final = 1024
_EXPECTED: Final = 'write "any", "sha256:<hash of the credential>" or {"iss": "...", "sub": "..."}'


@dataclass(frozen=True, slots=True)
class Permits:
    """Permitted credentials. An empty one permits none; `any` must be written out.

    `hashes`: base64url SHA-256 of a credential, as the `ath` claim has it (RFC 9449 4.2). `subjects`: pairs of
    `iss` and `sub` of a bearer JWT.
    """

    any: bool = False
    hashes: frozenset[str] = frozenset()
    subjects: frozenset[Subject] = frozenset()

    def allow(self, ath: str, issuer: str | None, subject: str | None) -> bool:
        """Whether the credential with this hash, or of this issuer and subject, is permitted."""
        return self.any or ath in self.hashes or (issuer, subject) in self.subjects

    @classmethod
    def parse(cls, items: object) -> Permits:
        """Read the JSON form, a list. Raises ValueError; its message never quotes what may be a credential."""
        if not isinstance(items, list):
            raise ValueError(f"write a list; in it, {_EXPECTED}")
        hashes, subjects = set(), set()
        for position, item in enumerate(items, 1):
            if isinstance(item, Mapping):
                subjects.add(_subject(item, position))
            elif item != "any":
                hashes.add(_hash(item, position))
        return cls("any" in items, frozenset(hashes), frozenset(subjects))

    def to_json(self) -> list[str | dict[str, str]]:
        """The JSON form that `parse` reads, in a stable order."""
        items: list[str | dict[str, str]] = ["any"] if self.any else []
        items += [f"sha256:{value}" for value in sorted(self.hashes)]
        items += [{"iss": issuer, "sub": subject} for issuer, subject in sorted(self.subjects)]
        return items


def _hash(item: object, position: int) -> str:
    if not isinstance(item, str) or not _HASH.fullmatch(item):
        raise ValueError(f"number {position} is none of the three forms (not shown, it may be a secret): {_EXPECTED}")
    return item.removeprefix("sha256:")


def _subject(item: Mapping[str, object], position: int) -> Subject:
    issuer, subject = item.get("iss"), item.get("sub")
    if item.keys() != {"iss", "sub"} or not (_is_claim(issuer) and _is_claim(subject)):
        raise ValueError(f'number {position} must have exactly "iss" and "sub", each a text that is not empty')
    return str(issuer), str(subject)


def _is_claim(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_CLAIM
