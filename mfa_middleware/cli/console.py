"""What a command prints: text for people on one side, JSON for programs on the other."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TextIO

from mfa_middleware.clock import SYSTEM_CLOCK, Clock

__all__ = ["PROGRAM", "Console", "clean", "standard_console"]

_COLOURS: Final = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}
_PLAIN: Final[Mapping[str, str]] = MappingProxyType({})
PROGRAM: Final = "mfa-middleware"


@dataclass(frozen=True, slots=True)
class Console:
    """Where a command writes, and the clock it goes by. Warnings and errors never mix with the output."""

    out: TextIO
    err: TextIO
    clock: Clock = SYSTEM_CLOCK

    def say(self, text: str = "") -> None:
        """A line, or several, for people."""
        print(text, file=self.out)

    def json(self, value: Mapping[str, object]) -> None:
        """One JSON object on a line, in ASCII."""
        print(json.dumps(value), file=self.out)

    def warn(self, text: str) -> None:
        """Something that was done, but needs attention."""
        print(f"{_coloured(self.err, 'warning:', 'yellow')} {text}", file=self.err)

    def fail(self, text: str, status: int = 1) -> int:
        """Say on one line why a command could not be carried out; returns the exit status."""
        print(f"{PROGRAM}: {_coloured(self.err, 'error:', 'red')} {clean(text)}", file=self.err)
        return status

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, where the output is a terminal that wants it."""
        return _coloured(self.out, text, colour)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], colours: Mapping[str, str] = _PLAIN) -> None:
        """Columns under their names. A cell whose text is in `colours` is painted."""
        cells = [[clean(cell) for cell in row] for row in rows]
        widths = [max(map(_width, column)) for column in zip(head, *cells, strict=True)]
        self.say(self.paint(_line(head, widths), "bold"))
        for row in cells:
            painted = [self.paint(cell, colours[cell]) if cell in colours else cell for cell in row]
            self.say(_line(painted, [w + len(p) - len(c) for w, p, c in zip(widths, painted, row, strict=True)]))

    def facts(self, facts: Mapping[str, str]) -> None:
        """Names and values, one pair a line."""
        width = max(map(len, facts))
        for name, value in facts.items():
            self.say(f"{name:<{width}}  {clean(value)}".rstrip())


def clean(text: str) -> str:
    """The text with everything escaped that a terminal would obey instead of showing."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def standard_console() -> Console:
    """The console of this process; what its encoding lacks is escaped.

    What the package logs does not appear on it: a command says itself what it did.
    """
    logging.getLogger("mfa_middleware").addHandler(logging.NullHandler())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return Console(sys.stdout, sys.stderr)


def _coloured(stream: TextIO, text: str, colour: str) -> str:
    wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if wanted else text


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
