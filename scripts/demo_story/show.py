"""How the story is told: one line while each scene plays, a table at the end; or JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final, TextIO

from scripts.demo_story.story import Line

_GREEN: Final = "32"
_RED: Final = "31"


class Show:
    """Tells the lines, to people on `out`; with `as_json` one object a line, and the progress on standard error."""

    def __init__(self, *, as_json: bool, out: TextIO = sys.stdout) -> None:
        self._json, self._out = as_json, out
        self._progress = sys.stderr if as_json else out
        self._live = self._progress.isatty() and os.environ.get("TERM") != "dumb"
        self._colours = self._live and not os.environ.get("NO_COLOR")

    def say(self, text: str) -> None:
        print(text, file=self._progress, flush=True)

    def begin(self, number: int, name: str) -> None:
        """Show on a terminal what plays now."""
        if self._live:
            print(f"{'..':4} {number:2} {name}", end="", file=self._progress, flush=True)

    def told(self, number: int, line: Line) -> None:
        """Tell how a scene came out."""
        note = f"  ({line.note})" if line.note else ""
        told = f"{self._mark(line)} {number:2} {line.name}: {line.came}{note}"
        print(f"\r\x1b[K{told}" if self._live else told, file=self._progress, flush=True)
        if self._json:
            members = {name: value for name, value in asdict(line).items() if name != "note"}
            print(json.dumps(members), file=self._out, flush=True)

    def table(self, lines: Sequence[Line]) -> None:
        """The whole story once more, to be read in one look."""
        if self._json:
            return
        width = max(len(line.name) for line in lines)
        print(f"\n{'':7} {'what was sent':{width}}  {'expected':18}  what came", file=self._out)
        print(f"{'':7} {'-' * width}  {'-' * 18}  {'-' * 22}", file=self._out)
        for number, line in enumerate(lines, start=1):
            print(
                f"{self._mark(line)} {number:2} {line.name:{width}}  {line.expected:18}  {line.status} {line.came}",
                file=self._out,
            )
        good = sum(line.ok for line in lines)
        print(f"\n{good} of {len(lines)} lines came out as expected.", file=self._out, flush=True)

    def give_up(self) -> None:
        """Nobody reads any more: keep the interpreter from complaining when it flushes at exit."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())

    def _mark(self, line: Line) -> str:
        mark = f"{'ok' if line.ok else 'FAIL':4}"
        return f"\x1b[{_GREEN if line.ok else _RED}m{mark}\x1b[0m" if self._colours else mark
