"""The registry in a JSON file, followed while the app runs."""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.events import Emit, Event, emit_to_log
from mfa_middleware.machines.disk import StrPath
from mfa_middleware.machines.document import Reading, parse
from mfa_middleware.machines.errors import RegistryError
from mfa_middleware.machines.forks import after_fork
from mfa_middleware.machines.machine import Machine
from mfa_middleware.machines.proposals import Proposals
from mfa_middleware.machines.seen import LastSeen
from mfa_middleware.machines.snapshot import Snapshot
from mfa_middleware.machines.watched import WatchedFile

__all__ = ["FileRegistry"]

_TICK: Final = 0.4
_OVERDUE: Final = 0.6
# Up to this size a reading takes less than 20 ms, and a request can afford it; see _refresh.
_LARGE: Final = 256 * 1024


class FileRegistry:
    """The machines of a JSON file; a change to it counts within 1 s, without a restart.

    The file is looked at every 0.4 s at most, by the request that comes first after that. What cannot be read, or is
    not valid as a whole, leaves the last good state in force and is told once, as an event `registry_error`. Any
    thread and any forked child may use the same object.
    """

    blocking: bool = False

    def __init__(self, path: StrPath, *, clock: Clock = SYSTEM_CLOCK, emit: Emit = emit_to_log) -> None:
        """Read the file. A missing one is an empty registry, and an event. Raises RegistryError for a bad one."""
        self._file = WatchedFile(Path(path).absolute())
        self._clock = clock
        self._monotonic = clock.monotonic
        self._emit = emit
        self._snapshot = Snapshot.of({})
        self._complaint: str | None = None
        self._seen = LastSeen(self._file.path, clock=clock, emit=emit)
        self._proposals = Proposals(self._file.path, clock=clock, emit=emit)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None
        after_fork(self._forked)
        self._start()

    def find(self, thumbprint: str) -> Machine | None:
        """The machine whose current key has this RFC 7638 thumbprint, in whatever state it is."""
        return self._present().current.get(thumbprint)

    async def find_async(self, thumbprint: str) -> Machine | None:
        """The same as `find`, which is fit for an event loop."""
        return self.find(thumbprint)

    def find_next(self, thumbprint: str) -> Machine | None:
        """The machine that announced the key with this thumbprint as its next one."""
        return self._present().following.get(thumbprint)

    def knows_credential(self, ath: str, issuer: str | None, subject: str | None) -> bool:
        """Whether some machine, in any state but pending, names this credential; `any` names none."""
        return self._present().named.allow(ath, issuer, subject)

    def machines(self) -> tuple[Machine, ...]:
        """All machines, in the order of the file."""
        return tuple(self._present().reading.values())

    def seen(self, machine: Machine) -> None:
        """Note that a machine was seen now, at most once a minute; `last_seen` tells it."""
        self._seen.note(machine.id)

    def propose(self, jwk: Mapping[str, Any], algorithm: str) -> None:
        """Enrol an unknown key as a pending machine, for trusted first use. Returns at once, the write comes later.

        Each key is proposed once in the life of a process; an invalid one is not proposed at all.
        """
        self._proposals.add(jwk, algorithm)

    def close(self) -> None:
        """Stop following the file, and let proposals that are under way be written."""
        self._closed.set()
        self._proposals.wait(1.0)

    def _forked(self) -> None:
        if self._lock.locked():
            self._file.forget()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watcher = None

    def _start(self) -> None:
        try:
            data = self._file.read(self._monotonic()) or b""
            self._snapshot = Snapshot.of(parse(data, str(self._file.path)))
        except FileNotFoundError:
            self._complain(self._missing())
        self._due = self._monotonic() + _TICK

    def _present(self) -> Snapshot:
        if self._monotonic() >= self._due:
            self._refresh()
        return self._snapshot

    def _refresh(self, *, watching: bool = False) -> None:
        """Look at the file, unless another thread does so.

        Reading a large file takes long, so a request leaves that to a thread that looks on its own, and goes on with
        the last good state. Only where nobody has looked for 1 s, because that thread cannot run or the registry has
        become large just now, the request reads the file: a revoked machine must not come through.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            now = self._monotonic()
            pending = self._file.pending(now)
            large = self._file.size > _LARGE
            if large and not watching:
                self._watch()
            if pending and large and not watching and now < self._due + _OVERDUE:
                return
            if pending:
                self._reload(now)
            self._due = self._monotonic() + _TICK
        finally:
            self._lock.release()

    def _reload(self, now: float) -> None:
        try:
            data = self._file.read(now)
            if data is not None:
                self._complaint = None
                self._take(parse(data, str(self._file.path), self._snapshot.reading))
        except FileNotFoundError:
            self._complain(self._missing())
        except RegistryError as error:
            self._complain(f"{error}; the last good state stays in force")
        except BaseException:
            self._file.forget()
            raise

    def _take(self, reading: Reading) -> None:
        self._snapshot = Snapshot.of(reading)
        self._seen.keep_only({machine.id for machine in reading.values()})
        self._tell("registry_reloaded", logging.INFO, f"{self._file.path}: {len(reading)} machines")

    def _missing(self) -> str:
        if self._snapshot.reading:
            return f"{self._file.path}: the file is gone; the last good state stays in force"
        return f"{self._file.path}: there is no such file; no machine is known: mfa-middleware machines add"

    def _complain(self, detail: str) -> None:
        if detail != self._complaint:
            self._complaint = detail
            self._tell("registry_error", logging.ERROR, detail)

    def _tell(self, kind: str, level: int, detail: str) -> None:
        self._emit(Event(kind, level, detail, at=self._clock.wall()))

    def _watch(self) -> None:
        if self._closed.is_set() or (self._watcher is not None and self._watcher.is_alive()):
            return
        arguments = (weakref.ref(self), self._closed)
        self._watcher = threading.Thread(target=_look_on, args=arguments, name="mfa-registry", daemon=True)
        # A host that allows no further thread still has the look by requests.
        with contextlib.suppress(RuntimeError):
            self._watcher.start()


def _look_on(reference: weakref.ref[FileRegistry], closed: threading.Event) -> None:
    """Look at the file until the registry is closed or forgotten."""
    while not closed.wait(_TICK / 2):
        registry = reference()
        if registry is None:
            return
        registry._refresh(watching=True)  # noqa: SLF001 - the other half of the class
        del registry
