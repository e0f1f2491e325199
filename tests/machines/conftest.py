from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.events import Event
from mfa_middleware.machines import FileRegistry

from .keys import Jwk, new_jwk


@dataclasses.dataclass
class ManualClock:
    """Both clocks stand still until told."""

    now: float = 1_800_000_000.0
    ticks: float = 50.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.ticks

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.ticks += seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def jwk() -> Jwk:
    return new_jwk()


@pytest.fixture(scope="session")
def other_jwk() -> Jwk:
    return new_jwk()


class Registered:
    """A registry file, the events it caused, and a FileRegistry that follows it."""

    def __init__(self, path: Path, clock: ManualClock) -> None:
        self.path = path
        self.clock = clock
        self.events: list[Event] = []
        self.opened: list[FileRegistry] = []

    def write(self, *entries: Any) -> None:
        self.write_text(json.dumps({"version": 1, "machines": entries}))

    def write_text(self, text: str | bytes) -> None:
        """Rewrite in place, on the same inode."""
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.path.chmod(0o600)

    def replace(self, *entries: Any) -> None:
        """Replace by rename."""
        fresh = self.path.with_name("fresh")
        fresh.write_text(json.dumps({"version": 1, "machines": entries}))
        fresh.chmod(0o600)
        os.replace(fresh, self.path)

    def open(self, **options: Any) -> FileRegistry:
        registry = FileRegistry(self.path, **{"clock": self.clock, "emit": self.events.append, **options})
        self.opened.append(registry)
        return registry

    def kinds(self) -> list[str]:
        """The kinds of the events since the last call."""
        kinds = [event.kind for event in self.events]
        self.events.clear()
        return kinds


@pytest.fixture
def registered(tmp_path: Path, clock: ManualClock) -> Iterator[Registered]:
    registered = Registered(tmp_path / "machines.json", clock)
    yield registered
    for registry in registered.opened:
        registry.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "machines.json"
