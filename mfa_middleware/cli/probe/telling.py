"""The probe on the terminal: a progress bar while it runs, and a table at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.probe.rows import Outcome, Row, counts

__all__ = ["Progress", "tell"]

_WIDTH: Final = 30
_HEAD: Final = ("ID", "FAMILY", "OUTCOME", "WHAT")
_COLOURS: Final[Mapping[str, str]] = {
    Outcome.BROKE: "red",
    Outcome.THROUGH: "red",
    Outcome.BLOCKED: "green",
    Outcome.NAMED: "green",
}


class Progress:
    """A bar of so many steps, on a terminal only."""

    def __init__(self, stream: TextIO, steps: int) -> None:
        self._stream, self._steps, self._done = stream, steps, 0
        self._shown = stream.isatty()

    def step(self, what: str) -> None:
        """One step more; what it was."""
        self._done += 1
        if self._shown:
            filled = _WIDTH * self._done // self._steps
            bar = "#" * filled + "-" * (_WIDTH - filled)
            self._stream.write(f"\r[{bar}] {self._done}/{self._steps} {what:<28.28}")
            self._stream.flush()

    def end(self) -> None:
        """Take the bar away."""
        if self._shown:
            self._stream.write("\r" + " " * (_WIDTH + 44) + "\r")
            self._stream.flush()


def tell(rows: Sequence[Row], console: Console, *, names: bool) -> None:
    """The table, worst first. `names`: whether the event log was there to see what the operator read."""
    order = list(Outcome)
    ranked = sorted(rows, key=lambda row: order.index(row.outcome))
    told = [(row.trick.id, row.trick.family, row.outcome, row.notes or row.trick.title) for row in ranked]
    console.table(_HEAD, told, _COLOURS)
    console.say(f"\n{len(rows)} rows: {counts(rows)}")
    if not names:
        console.say("To see which were named, give the event log of the app: --event-log FILE (its MFA_EVENT_LOG)")
