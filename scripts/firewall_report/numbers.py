"""The last line of the report, and whether it is good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mfa_middleware.firewall import CATALOG, Action
from tests.firewall.attacker.campaign import Row

__all__ = ["Numbers"]

_FEWEST_ROWS: Final = 100
_MOST_UNSEEABLE: Final = 12


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many rows the catalogue has, what becomes of them, and how much honest traffic was accused."""

    rows: int
    block: int
    blocked: int
    report: int
    named: int
    unseeable: int
    false_positives: int

    @classmethod
    def of(cls, rows: Mapping[str, Row], false_positives: int) -> Numbers:
        """The numbers of what was played; a row that was not played is neither blocked nor named."""
        actions = [trick.action for trick in CATALOG.values()]
        return cls(
            rows=len(CATALOG),
            block=actions.count(Action.BLOCK),
            blocked=sum(row.action is Action.BLOCK and row.is_blocked for row in rows.values()),
            report=actions.count(Action.REPORT),
            named=sum(row.is_named for row in rows.values()),
            unseeable=actions.count(Action.UNSEEABLE),
            false_positives=false_positives,
        )

    @property
    def are_good(self) -> bool:
        """Whether all that can be seen was named, all that is to be blocked was, and nobody honest was accused."""
        complete = self.blocked == self.block and self.named == self.block + self.report
        in_bounds = self.rows >= _FEWEST_ROWS and self.unseeable <= _MOST_UNSEEABLE
        return complete and in_bounds and self.false_positives == 0

    def __str__(self) -> str:
        return " ".join(f"{name}={getattr(self, name)}" for name in self.__slots__)
