"""How the story is told: one line while each scene plays, a table at the end; or JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TextIO

from scripts.demo_story.story import Line


class Show:
    """Tells the lines, to people on `out`; with `as_json` one object a line, and the progress on standard error."""

    def __init__(self, *, as_json: bool, out: TextIO = sys.stdout) -> None:
        self._json, self._out = as_json, out
        self._progress = sys.stderr if as_json else out

    def say(self, text: str) -> None:
        print(text, file=self._progress, flush=True)

    def begin(self, number: int, name: str) -> None:
        if self._progress.isatty():
            print(f"  .. {number:2} {name}", end="\r", file=self._progress, flush=True)

    def told(self, number: int, line: Line) -> None:
        mark = "ok  " if line.ok else "FAIL"
        note = f"  ({line.note})" if line.note else ""
        print(f"{mark} {number:2} {line.name}: {line.status} {line.code}{note}", file=self._progress, flush=True)
        if self._json:
            members = {name: value for name, value in asdict(line).items() if name != "note"}
            print(json.dumps(members), file=self._out, flush=True)

    def table(self, lines: Sequence[Line]) -> None:
        """The whole story once more, to be read in one look."""
        if self._json:
            return
        width = max(len(line.name) for line in lines)
        print(f"\n{'':4} {'what was sent':{width}}  {'expected':18}  {'came':6}  code", file=self._out)
        for line in lines:
            mark = "ok" if line.ok else "FAIL"
            print(f"{mark:4} {line.name:{width}}  {line.expected:18}  {line.status:<6}  {line.code}", file=self._out)
        good = sum(line.ok for line in lines)
        print(f"\n{good} of {len(lines)} lines came out as expected.", file=self._out, flush=True)
