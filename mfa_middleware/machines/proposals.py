"""Trusted first use: keys that were seen, enrolled as pending machines until somebody approves them."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from mfa_middleware.clock import Clock
from mfa_middleware.events import Emit, Event
from mfa_middleware.jose.jwk import thumbprint
from mfa_middleware.machines.disk import StrPath
from mfa_middleware.machines.editing import edit
from mfa_middleware.machines.entry import completed, machine_of, to_json
from mfa_middleware.machines.errors import RegistryError
from mfa_middleware.machines.forks import after_fork
from mfa_middleware.machines.machine import Machine, State

__all__ = ["MAX_PENDING", "Proposals", "candidate", "propose"]

MAX_PENDING: Final = 1000
"""How many machines may wait for approval before no more are proposed."""
_MAX_REMEMBERED: Final = 4 * MAX_PENDING


def propose(path: StrPath, candidates: Iterable[Machine]) -> tuple[list[Machine], int]:
    """Add those machines whose key the registry knows in no state, present or next.

    Returns the ones added, and how many found no room among MAX_PENDING. Raises RegistryError.
    """
    with edit(path) as entries:
        known = {thumbprint(entry["jwk"]) for entry in entries} | {entry.get("next_thumbprint") for entry in entries}
        fresh = [machine for machine in candidates if machine.thumbprint not in known]
        room = max(0, MAX_PENDING - sum(entry.get("state") == State.PENDING for entry in entries))
        entries.extend(map(to_json, fresh[:room]))
    return fresh[:room], len(fresh[room:])


def candidate(jwk: Mapping[str, Any], algorithm: str, now: float) -> Machine:
    """A pending machine for a key that was seen at this unix time. Raises ValueError for an invalid key."""
    entry = {"jwk": jwk, "algorithm": algorithm, "state": State.PENDING.value}
    return machine_of(completed(entry, now))


class Proposals:
    """Proposes each key once in the life of this process, from a thread, so that no request waits for the disk."""

    def __init__(self, path: Path, *, clock: Clock, emit: Emit) -> None:
        self._path = path
        self._clock = clock
        self._emit = emit
        self._remembered: set[str] = set()
        self._full = False
        self._lock = threading.Lock()
        self._waiting: list[Machine] = []
        self._thread: threading.Thread | None = None
        after_fork(self._forked)

    def add(self, jwk: Mapping[str, Any], algorithm: str) -> None:
        """Propose a key, unless it is invalid. Returns at once."""
        try:
            if (print_ := thumbprint(jwk)) in self._remembered:
                return
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._tell_full()
                return
            machine = candidate(jwk, algorithm, self._clock.wall())
        except ValueError:
            return
        with self._lock:
            if print_ not in self._remembered:
                self._remembered.add(print_)
                self._waiting.append(machine)
                self._ensure_thread()

    def wait(self, seconds: float) -> None:
        """Wait until what was proposed is written, at most so long."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _ensure_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._drain, name="mfa-proposals", daemon=True)
            # A host that allows no further thread now may do so for the next proposal.
            with contextlib.suppress(RuntimeError):
                self._thread.start()

    def _forked(self) -> None:
        self._lock = threading.Lock()
        self._waiting, self._thread = [], None

    def _drain(self) -> None:
        while batch := self._next_batch():
            try:
                machines, dropped = propose(self._path, batch)
            except RegistryError as error:
                self._tell("proposal_failed", f"{len(batch)} machines were not proposed until a restart: {error}")
                continue
            for machine in machines:
                self._tell("machine_proposed", f"seen for the first time; {_approval(machine)}", machine)
            if dropped:
                self._tell_full()

    def _next_batch(self) -> list[Machine]:
        with self._lock:
            batch, self._waiting = self._waiting, []
            if not batch:
                self._thread = None
            return batch

    def _tell_full(self) -> None:
        if not self._full:
            self._full = True
            advice = "approve or revoke some, then restart"
            self._tell("proposals_full", f"{MAX_PENDING} machines wait for approval; no more are proposed; {advice}")

    def _tell(self, kind: str, detail: str, machine: Machine | None = None) -> None:
        event = Event(kind, logging.WARNING, detail, at=self._clock.wall())
        if machine is not None:
            event = replace(event, machine=machine.id, thumbprint=machine.thumbprint)
        self._emit(event)


def _approval(machine: Machine) -> str:
    return f"approve it: mfa-middleware machines resume {machine.id}"
