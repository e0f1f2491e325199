"""When a machine was last seen: the time of an empty file beside the registry, so that requests never rewrite it."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Final

from mfa_middleware.clock import Clock
from mfa_middleware.events import Emit, Event
from mfa_middleware.machines.disk import StrPath
from mfa_middleware.machines.fields import machine_id

__all__ = ["LastSeen", "last_seen"]

_INTERVAL: Final = 60.0
_FLAGS: Final = (
    os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)


def last_seen(path: StrPath, name: str) -> float | None:
    """Unix seconds of the last request of the machine with this id, good to a minute; None where it has made none."""
    try:
        machine_id(name)
        found = Path(f"{os.fspath(path)}.seen", name).lstat()
    except (OSError, ValueError):
        return None
    return found.st_mtime if stat.S_ISREG(found.st_mode) else None


class LastSeen:
    """Notes each machine at most once a minute, in `<registry>.seen/<machine id>`; a failure is told once."""

    def __init__(self, path: Path, *, clock: Clock, emit: Emit) -> None:
        self._folder = Path(f"{path}.seen")
        self._clock = clock
        self._emit = emit
        self._due: dict[str, float] = {}
        self._failed = False

    def note(self, name: str) -> None:
        """Note the machine with this id as seen now, unless that was done within the last minute."""
        now = self._clock.monotonic()
        if now < self._due.get(name, now):
            return
        self._due[name] = now + _INTERVAL
        try:
            self._touch(name)
        except OSError as error:
            self._complain(error)

    def keep_only(self, names: Collection[str]) -> None:
        """Drop what is remembered of machines that are enrolled no more."""
        self._due = {name: due for name, due in self._due.copy().items() if name in names}

    def _touch(self, name: str) -> None:
        wall = self._clock.wall()
        file = self._folder / name
        try:
            descriptor = os.open(file, _FLAGS, 0o600)
        except FileNotFoundError:
            self._folder.mkdir(0o700, exist_ok=True)
            descriptor = os.open(file, _FLAGS, 0o600)
        try:
            os.utime(descriptor if os.utime in os.supports_fd else file, (wall, wall))
        finally:
            os.close(descriptor)

    def _complain(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            advice = "give the user of the app write permission, or do without"
            detail = f"{self._folder}: last-seen times are not kept: {error.strerror or error}; {advice}"
            self._emit(Event("last_seen_error", logging.WARNING, detail, at=self._clock.wall()))
