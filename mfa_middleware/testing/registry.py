"""A registry of machines in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mfa_middleware.machines import Machine, Registry, State
from mfa_middleware.machines.entry import completed, machine_of

__all__ = ["MemoryRegistry"]


class MemoryRegistry:
    """Machines in memory, before those of another registry, where there is one. A change counts at once."""

    blocking: bool = False

    def __init__(self, machines: Iterable[Machine] = (), *, behind: Registry | None = None) -> None:
        self._machines = {machine.thumbprint: machine for machine in machines}
        self._behind = behind
        self._lock = threading.Lock()

    def put(self, machine: Machine) -> None:
        """Enrol a machine, or replace the one that has its key."""
        with self._lock:
            self._machines = {**self._machines, machine.thumbprint: machine}

    def machines(self) -> tuple[Machine, ...]:
        """The machines that were put here, or proposed."""
        return tuple(self._machines.values())

    def find(self, thumbprint: str) -> Machine | None:
        """The machine whose key has this RFC 7638 thumbprint."""
        found = self._machines.get(thumbprint)
        return self._behind.find(thumbprint) if found is None and self._behind is not None else found

    async def find_async(self, thumbprint: str) -> Machine | None:
        """The same as `find`."""
        return self.find(thumbprint)

    def knows_credential(self, ath: str, issuer: str | None, subject: str | None) -> bool:
        """Whether some machine that is not pending names this credential; `any` names none."""
        for machine in self._machines.values():
            named = replace(machine.credentials, any=False)
            if machine.state is not State.PENDING and named.allow(ath, issuer, subject):
                return True
        return self._behind is not None and self._behind.knows_credential(ath, issuer, subject)

    def seen(self, machine: Machine) -> None:
        """Nothing is kept."""

    def propose(self, jwk: Mapping[str, Any], algorithm: str) -> None:
        """Enrol an unknown key as pending."""
        entry = {"jwk": dict(jwk), "algorithm": algorithm, "state": State.PENDING.value}
        machine = machine_of(completed(entry, time.time()))
        if self.find(machine.thumbprint) is None:
            self.put(machine)

    def close(self) -> None:
        """Close the registry behind this one."""
        if self._behind is not None:
            self._behind.close()
