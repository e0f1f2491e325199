"""What a scene is: a name, what it does, and how it is played; and what came of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

__all__ = ["Play", "Result", "Scene", "Stage"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scene plays: an empty folder, and a name for its store that no other run on this host has.

    quick: play a bounded slice. began: has to be told of each process that leads a group of its own.
    """

    quick: bool
    folder: Path
    app: str
    began: Callable[[subprocess.Popen[bytes]], object] = lambda _: None

    def size(self, full: T, quick: T) -> T:
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a scene. `trials`: how often a proof was presented. `accepted`, `expected`: how often one was
    accepted, and had to be. `faults`: whatever else did not hold, in a few words each. `details`: what was played
    (quota, owners, workers) and what was measured.
    """

    trials: int
    accepted: int
    expected: int
    faults: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.accepted == self.expected and not self.faults

    def row(self, name: str) -> dict[str, Any]:
        """The members of the JSON object for this scene."""
        told = {"faults": list(self.faults)} if self.faults else {}
        counts = {"trials": self.trials, "accepted": self.accepted, "expected": self.expected}
        return {"name": name, **counts, "ok": self.ok, **told, **self.details}


Play: TypeAlias = Callable[[Stage], Result]


@dataclass(frozen=True, slots=True)
class Scene:
    """One row of the table. `text`: what is tried, for --list. `quick`: whether --quick plays it too."""

    name: str
    text: str
    play: Play
    quick: bool = True
