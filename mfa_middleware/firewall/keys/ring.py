"""The keys of MFA_JWT_KEYS while the app runs: loaded once, then followed by one thread in the background."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.events import Emit, Event, emit_to_log
from mfa_middleware.firewall.keys.document import Document
from mfa_middleware.firewall.keys.key import BadKey, Key
from mfa_middleware.firewall.keys.keyset import EMPTY, KeySet, assemble
from mfa_middleware.firewall.keys.source import FetchError, Source
from mfa_middleware.firewall.keys.watch import Watch

__all__ = ["KeyRing"]

_LONGEST_WAIT: Final = 30.0
_SHORTEST_WAIT: Final = 0.05


class KeyRing:
    """The keys in force. No call of it waits for a network, but `poll`.

    The thread starts with the first use, and again in a forked child. A source that cannot be read leaves its last
    good keys in force and is told once, as an event `jwt_keys_error`; `jwt_keys_loaded` tells every change.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        clock: Clock = SYSTEM_CLOCK,
        emit: Emit = emit_to_log,
        background: bool = True,
    ) -> None:
        """Read what is no URL. Raises BadKey. Without `background`, the keys change in `poll` alone."""
        self._clock = clock
        self._emit = emit
        self._watches = tuple(Watch(source) for source in sources)
        self._keyset = EMPTY
        self._faults: list[str] = []
        self._closed = False
        self._wake = threading.Event()
        self._starting: dict[int, threading.Lock] = {}
        self._listeners: list[Callable[[KeySet], None]] = []
        self._follows = background and any(source.every is not None for source in sources)
        self._process: int | None = None
        self._load_local()

    def current(self) -> KeySet:
        """The keys in force now."""
        if self._follows and self._process != os.getpid():
            self._start()
        return self._keyset

    @property
    def is_complete(self) -> bool:
        """Whether every source was read at least once."""
        return all(watch.document is not None for watch in self._watches)

    def when_changed(self, prepare: Callable[[KeySet], None]) -> None:
        """Call `prepare` with the keys of now, and with each later set before it is in force."""
        self._listeners.append(prepare)
        prepare(self._keyset)

    def kid_missing(self) -> None:
        """A token names a kid that is not known: look at the URLs earlier, if that was not just done in vain."""
        now = self._clock.monotonic()
        if sum(watch.kid_missing(now) for watch in self._watches):
            self._wake.set()

    def poll(self) -> None:
        """Look at every source that is due, in this thread; without `background`, the way to fetch URLs."""
        due = [watch for watch in self._watches if watch.is_due(self._clock.monotonic())]
        if sum(self._look(watch) for watch in due):
            try:
                self._assemble()
            except Exception as error:  # the thread must outlive a fault that nobody foresaw
                self._tell("jwt_keys_error", logging.ERROR, f"new keys cannot be used ({type(error).__name__})")

    def close(self) -> None:
        """End the thread; the keys stay as they are."""
        self._closed = True
        self._follows = False
        self._wake.set()

    def _load_local(self) -> None:
        for watch in self._watches:
            if not watch.source.is_remote:
                watch.succeeded(self._clock.monotonic(), _first_load(watch.source))
        _refuse_faults([watch.document for watch in self._watches])
        self._keyset, _ = assemble(*_contents(watch.document for watch in self._watches))
        if self._keyset.is_symmetric and any(watch.source.is_remote for watch in self._watches):
            raise BadKey("an HMAC key stands beside a URL of public keys, which invites key confusion; keep one kind")

    def _look(self, watch: Watch) -> bool:
        """Read one source; whether its keys changed."""
        try:
            document = watch.source.load()
            if document is not None and not watch.source.is_remote:
                others = [other for other in self._watches if other is not watch and not other.source.is_remote]
                _refuse_faults([*(other.document for other in others), document])
        except (BadKey, FetchError) as error:
            watch.source.forget()
            watch.failed(self._clock.monotonic())
            self._complain(watch, f"{watch.source.name}: {error}; its last good keys stay in force")
            return False
        except Exception as error:  # the thread must outlive a fault that nobody foresaw
            watch.failed(self._clock.monotonic())
            self._complain(watch, f"{watch.source.name}: it cannot be read ({type(error).__name__})")
            return False
        watch.succeeded(self._clock.monotonic(), document)
        if watch.complaint is not None or document is not None:
            self._tell_success(watch)
        return document is not None

    def _assemble(self) -> None:
        keyset, faults = assemble(*_contents(watch.document for watch in self._watches))
        for prepare in self._listeners:
            prepare(keyset)
        self._keyset = keyset
        faults += [f"{watch.source.name}: {fault}" for watch in self._watches for fault in watch.faults]
        if faults and faults != self._faults:
            self._tell("jwt_keys_error", logging.WARNING, "not used: " + "; ".join(faults[:8]))
        self._faults = faults

    def _complain(self, watch: Watch, complaint: str) -> None:
        if complaint != watch.complaint:
            watch.complaint = complaint
            self._tell("jwt_keys_error", logging.WARNING, complaint)

    def _tell_success(self, watch: Watch) -> None:
        watch.complaint = None
        keys = watch.document.keys if watch.document else ()
        names = ", ".join(f"{key.algorithm} {key.label}" for key in keys[:8])
        self._tell("jwt_keys_loaded", logging.INFO, f"{watch.source.name}: {len(keys)} keys ({names})")

    def _tell(self, kind: str, level: int, detail: str) -> None:
        self._emit(Event(kind, level, f"MFA_JWT_KEYS: {detail}", at=self._clock.wall()))

    def _start(self) -> None:
        """Start the thread of this process; the lock is of this process too, as a fork may copy a held one."""
        process = os.getpid()
        with self._starting.setdefault(process, threading.Lock()):
            if self._process == process or self._closed:
                return
            self._wake = threading.Event()
            weakref.finalize(self, self._wake.set)
            arguments = weakref.ref(self), self._wake
            threading.Thread(target=_follow, args=arguments, name="mfa-jwt-keys", daemon=True).start()
            self._process = process

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def seconds_to_wait(self) -> float:
        """How long the thread sleeps now."""
        due = min(watch.due for watch in self._watches if watch.source.every is not None)
        return min(max(due - self._clock.monotonic(), _SHORTEST_WAIT), _LONGEST_WAIT)


def _follow(reference: weakref.ref[KeyRing], wake: threading.Event) -> None:
    """The thread. It does not keep the ring alive."""
    while (ring := reference()) is not None and not ring.is_closed:
        wake.clear()
        ring.poll()
        seconds = ring.seconds_to_wait
        del ring
        wake.wait(seconds)


def _first_load(source: Source) -> Document | None:
    try:
        return source.load()
    except BadKey as error:
        raise BadKey(f"{source.name}: {error}") from None


def _contents(documents: Iterable[Document | None]) -> tuple[list[Key], list[bytes]]:
    present = [document for document in documents if document is not None]
    keys = [key for document in present for key in document.keys]
    return keys, [document.body for document in present if document.body is not None]


def _refuse_faults(documents: Iterable[Document | None]) -> None:
    """What the operator wrote must be right as a whole. Raises BadKey."""
    present = [document for document in documents if document is not None]
    _, faults = assemble(*_contents(present))
    if faults := [*(fault for document in present for fault in document.faults), *faults]:
        raise BadKey("; ".join(faults[:8]))
