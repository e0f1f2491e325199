"""What the firewall saw: a trick by its id, how sure it is, and where."""

from __future__ import annotations

import enum
from typing import NamedTuple

__all__ = ["Evidence", "Finding"]


class Evidence(enum.StrEnum):
    """How sure a finding is. Only `confirmed` and `structural` are called an attack."""

    CONFIRMED = "confirmed"
    STRUCTURAL = "structural"
    POLICY = "policy"


class Finding(NamedTuple):
    """A trick that was seen: which, how sure, and in which place.

    `detail` names a member, a type or a length for the operator; it never holds a value of the token.
    """

    id: str
    evidence: Evidence
    where: str
    detail: str = ""

    @property
    def is_attack(self) -> bool:
        """Whether no honest client builds this."""
        return self.evidence is not Evidence.POLICY

    def __str__(self) -> str:
        more = f", {self.detail}" if self.detail else ""
        return f"{self.id} ({self.evidence}, {self.where}{more})"
