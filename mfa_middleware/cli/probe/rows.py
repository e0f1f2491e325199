"""What came of each row of the catalogue, and of all."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mfa_middleware.cli.probe.playing import Played
from mfa_middleware.firewall import CATALOG, Action, Trick

__all__ = ["Outcome", "Row", "all_rows", "counts"]


_TAKEN_OUT: Final = frozenset({"absolute_target", "underscore_header", "request_smuggling"})
"""Rows that some servers take out of a request, so that an honest one arrives at the app."""


class Outcome(enum.StrEnum):
    """What came of one row; the order is from bad to good."""

    BROKE = "the app broke"
    THROUGH = "got through"
    SERVED = "served"
    BLOCKED = "blocked"
    NAMED = "blocked and named"
    TOLD = "served and named"
    SKIPPED = "not played"


@dataclass(slots=True)
class Row:
    """One row and its attacks. `why`: why it was not played."""

    trick: Trick
    played: list[Played] = field(default_factory=list)
    why: str = ""

    @property
    def outcome(self) -> Outcome:
        """The worst of its attacks. What honest clients may send, or servers take out, is served and no bypass."""
        if not self.played:
            return Outcome.SKIPPED
        if any(one.broke for one in self.played):
            return Outcome.BROKE
        named = all(one.named for one in self.played if one.seen) and any(one.named for one in self.played)
        if not any(one.got_through for one in self.played):
            return Outcome.NAMED if named else Outcome.BLOCKED
        if self.is_bypass:
            return Outcome.THROUGH
        return Outcome.TOLD if named else Outcome.SERVED

    @property
    def is_bypass(self) -> bool:
        """Whether it is bad that the app serves it."""
        return self.trick.action is Action.BLOCK and self.trick.id not in _TAKEN_OUT

    @property
    def notes(self) -> str:
        """What got through, or why it was not played."""
        bad = [one.attack.note for one in self.played if one.got_through or one.broke]
        if not bad or not self.is_bypass:
            return self.why
        return f"{bad[0]}{f' and {len(bad) - 1} more' if bad[1:] else ''} of {len(self.played)}"

    def to_json(self) -> dict[str, object]:
        """One object for programs."""
        return {
            "id": self.trick.id,
            "family": self.trick.family,
            "action": self.trick.action,
            "outcome": self.outcome.name.lower(),
            "attacks": len(self.played),
            "statuses": sorted({one.answer.status for one in self.played}),
            "notes": self.notes,
        }


_WORDS: Final[Mapping[Outcome, str]] = {
    Outcome.BROKE: "broke the app",
    Outcome.THROUGH: "got through",
    Outcome.BLOCKED: "blocked",
    Outcome.NAMED: "blocked and named",
    Outcome.SERVED: "served",
    Outcome.TOLD: "served and named",
    Outcome.SKIPPED: "not played",
}


def counts(rows: Iterable[Row]) -> str:
    """How many rows came to what."""
    outcomes = [row.outcome for row in rows]
    return ", ".join(f"{outcomes.count(one)} {word}" for one, word in _WORDS.items() if one in outcomes)


def _unseen(trick: Trick) -> str:
    return "unseeable from outside" if trick.action is Action.UNSEEABLE else ""


def all_rows() -> dict[str, Row]:
    """A row for each trick, not yet played."""
    return {trick.id: Row(trick, why=_unseen(trick)) for trick in CATALOG.values()}
