"""What many equal requests came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mfa_middleware.cli.doctor.live.wire import Answer, NoAnswer
from mfa_middleware.errors import Code

__all__ = ["Tally"]

_BEFORE: Final = frozenset({429, 502, 503, 504})
"""Statuses with which a proxy or a server turns a request away before the app has it, or the app after the check."""


@dataclass(slots=True)
class Tally:
    """`accepted`: the statuses of answers that are no refusal of ours. `unclear`: the same, perhaps from a proxy."""

    accepted: Counter[int] = field(default_factory=Counter)
    refused: Counter[Code] = field(default_factory=Counter)
    unclear: Counter[int] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, answers: Iterable[Answer | NoAnswer]) -> Tally:
        """Count the answers of one round."""
        tally = cls()
        for answer in answers:
            if isinstance(answer, NoAnswer):
                tally.silent[answer.reason] += 1
            elif answer.code is not None:
                tally.refused[answer.code] += 1
            else:
                (tally.unclear if answer.status in _BEFORE else tally.accepted)[answer.status] += 1
        return tally

    @property
    def wins(self) -> int:
        """How often the proof was certainly accepted."""
        return self.accepted.total()

    @property
    def strays(self) -> list[Code]:
        """Refusals that a worker with the same settings and the same store would not have given."""
        return [code for code in self.refused if code is not Code.REPLAYED]

    @property
    def lost(self) -> int:
        """How many requests may or may not have been accepted."""
        return self.unclear.total() + self.silent.total()

    def __str__(self) -> str:
        counts = [f"{count} accepted ({status})" for status, count in self.accepted.items()]
        counts += [f"{count} refused ({code})" for code, count in self.refused.most_common()]
        counts += [f"{count} answered {status} by the app or a proxy" for status, count in self.unclear.items()]
        counts += [f"{count} without an answer ({reason})" for reason, count in self.silent.items()]
        return ", ".join(counts)
