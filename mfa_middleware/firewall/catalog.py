"""The bypass tricks that are known by name: one row each."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

__all__ = ["CATALOG", "Evidence", "Finding", "Trick"]


class Evidence(enum.StrEnum):
    """How sure a finding is. Only `confirmed` and `structural` are called an attack."""

    CONFIRMED = "confirmed"
    STRUCTURAL = "structural"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Trick:
    """One way around a JWT check: its id, family, what it does, and where it is described."""

    id: str
    family: str
    text: str
    reference: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A trick that was seen: which, how sure, and in which credential place."""

    id: str
    evidence: Evidence
    where: str

    @property
    def is_attack(self) -> bool:
        """Whether no honest client builds this."""
        return self.evidence is not Evidence.POLICY


CATALOG: Final = {
    trick.id: trick
    for trick in (
        Trick("alg_none", "algorithm", "The token says that it is not signed.", "RFC 8725 2.1, 3.1; CVE-2015-9235"),
        Trick(
            "alg_none_obfuscated",
            "algorithm",
            "The token says that it is not signed, in a spelling that block-lists miss.",
            "RFC 8725 3.1",
        ),
        Trick(
            "null_signature",
            "algorithm",
            "The token names an algorithm and carries no signature.",
            "RFC 8725 3.3; CVE-2020-28042",
        ),
        Trick(
            "key_confusion",
            "algorithm",
            "The token asks for an HMAC where only public keys are in use, to make a public key its secret.",
            "RFC 8725 2.1, 3.1; CVE-2016-10555, CVE-2022-29217",
        ),
        Trick(
            "alg_not_accepted", "algorithm", "The token names an algorithm that this app does not use.", "RFC 8725 3.1"
        ),
    )
}
