"""What one check of the doctor came to."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from mfa_middleware.cli.console import clean

__all__ = ["Check", "Checks", "Status", "fail", "ok", "skipped", "warn"]

_LONGEST = 1_000


class Status(enum.StrEnum):
    """`fail`: a promise does not hold, or nothing can be accepted. `warn`: for a person to judge."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was found, or why it was skipped, and what to change; on one line each, without any secret."""

    id: str
    status: Status
    found: str
    advice: str = ""

    def __post_init__(self) -> None:
        for name in ("found", "advice"):
            object.__setattr__(self, name, clean(getattr(self, name))[:_LONGEST])

    def to_json(self) -> dict[str, str]:
        """For programs."""
        return {"id": self.id, "status": self.status.value, "found": self.found, "advice": self.advice}


Checks = Iterator[Check]


def ok(name: str, found: str) -> Check:
    """As it should be."""
    return Check(name, Status.OK, found)


def warn(name: str, found: str, advice: str) -> Check:
    """For a person to judge."""
    return Check(name, Status.WARN, found, advice)


def fail(name: str, found: str, advice: str) -> Check:
    """Not as it must be."""
    return Check(name, Status.FAIL, found, advice)


def skipped(name: str, reason: str) -> Check:
    """Not looked at, and why."""
    return Check(name, Status.SKIPPED, reason)
