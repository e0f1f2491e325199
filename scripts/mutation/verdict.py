"""What the mutants of a module say of its tests, and which survivors are accepted, for which reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.mutation.mutant import End, Mutant

__all__ = ["Equivalent", "Verdict", "equivalents", "verdicts"]


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A change that no test can notice, or none should. Without `after`: every change of that line."""

    module: str
    function: str
    before: str
    reason: str
    after: str | None = None

    def covers(self, mutant: Mutant) -> bool:
        place = (mutant.module, mutant.function, mutant.before)
        return place == (self.module, self.function, self.before) and self.after in (None, mutant.after)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The mutants of one module."""

    module: str
    killed: int
    out_of_time: tuple[Mutant, ...]
    survivors: tuple[Mutant, ...]
    accepted: tuple[tuple[Mutant, str], ...]

    @property
    def counted(self) -> int:
        return self.killed + len(self.out_of_time) + len(self.survivors)

    @property
    def percent(self) -> float:
        """Of those that a test could notice."""
        return 100 * (self.counted - len(self.survivors)) / self.counted if self.counted else 100.0


def equivalents() -> tuple[Equivalent, ...]:
    text = (Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8")
    return tuple(Equivalent(**row) for row in tomllib.loads(text).get("equivalent", []))


def verdicts(mutants: Iterable[Mutant], accepted: Iterable[Equivalent]) -> Iterator[Verdict]:
    """One for each module, in their order."""
    rows = tuple(accepted)
    by_module: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        by_module.setdefault(mutant.module, []).append(mutant)
    for module in sorted(by_module):
        yield _verdict(module, by_module[module], rows)


def _verdict(module: str, mutants: list[Mutant], rows: tuple[Equivalent, ...]) -> Verdict:
    killed, late, survived = ([mutant for mutant in mutants if mutant.end is end] for end in End)
    reasons: Mapping[Mutant, str] = {mutant: row.reason for mutant in survived for row in rows if row.covers(mutant)}
    left = tuple(mutant for mutant in survived if mutant not in reasons)
    given = tuple((mutant, reasons[mutant]) for mutant in survived if mutant in reasons)
    return Verdict(module, len(killed), tuple(late), left, given)
