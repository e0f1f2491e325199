"""One changed place of the code, and whether a test noticed."""

from __future__ import annotations

import difflib
import enum
from dataclasses import dataclass

__all__ = ["End", "Mutant", "changed_lines"]


class End(enum.StrEnum):
    """How the tests of a mutant ended."""

    KILLED = "killed"
    OUT_OF_TIME = "out of time"
    SURVIVED = "survived"


@dataclass(frozen=True, slots=True)
class Mutant:
    """`module` is a path inside the package; `before` and `after` are the lines that differ."""

    module: str
    function: str
    before: str
    after: str
    end: End


def changed_lines(before: str, after: str) -> tuple[str, str]:
    """The lines that differ, without their indentation, one blank between them."""
    lines = [*difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")][2:]
    gone, come = ([line[1:].strip() for line in lines if line.startswith(sign)] for sign in "-+")
    return " ".join(gone), " ".join(come)
