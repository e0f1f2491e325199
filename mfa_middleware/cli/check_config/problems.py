"""What is wrong with a configuration, and what is risky."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Level", "Problem", "error", "warning"]


class Level(enum.StrEnum):
    """An error keeps the app from starting, or from accepting anything; a warning is for a person to judge."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: the variable that mends it, and what to do."""

    level: Level
    variable: str
    text: str

    def to_json(self) -> dict[str, str]:
        """For programs."""
        return {"level": self.level.value, "variable": self.variable, "text": self.text}


def error(variable: str, text: str) -> Problem:
    """An error, whose text may begin with the variable already."""
    return Problem(Level.ERROR, variable, text.removeprefix(f"{variable}: ").removeprefix(f"{variable} "))


def warning(variable: str, text: str) -> Problem:
    """A warning."""
    return Problem(Level.WARNING, variable, text)
