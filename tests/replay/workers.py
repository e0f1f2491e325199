"""Worker processes that share a store and do what a test tells them, one thing at a time."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome, StoreState
from mfa_middleware.replay.shared import SharedStore
from tests.replay.clocks import HandClock
from tests.replay.using import OWNER, nonced, plain

_PATIENCE = 20.0


class Worker:
    """A process with a store of its own. `method`: how it is started."""

    def __init__(self, directory: Path, clock: HandClock, *, quota: int = 1000, method: str = "spawn") -> None:
        context: Any = get_context(method)
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, directory, clock, quota), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        pid: int = self._process.pid
        return pid

    def plain(self, name: bytes, issued: float | None = None, owner: bytes = OWNER) -> Outcome | str:
        """What the store answers to a proof without a nonce, or its error."""
        answer: Outcome | str = self._ask(_plain, name, issued, owner)
        return answer

    def nonced(self, name: bytes, epoch: bytes | None = None, owner: bytes = OWNER) -> Outcome | str:
        """The same for a proof with a nonce, of the present epoch unless another is given."""
        answer: Outcome | str = self._ask(_nonced, name, epoch, owner)
        return answer

    def state(self) -> StoreState:
        state: StoreState = self._ask(_state)
        return state

    def move_clock(self, *, advance: float = 0.0, step: float = 0.0) -> None:
        self._ask(_move_clock, advance, step)

    def lock_the_place_of(self, name: bytes) -> None:
        """Take the lock that a claim of this key needs, and keep it."""
        self._ask(_lock, name)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._process.join(_PATIENCE)
        assert self._process.exitcode == -signal.SIGKILL

    def end(self) -> None:
        if self._process.is_alive():
            os.kill(self.pid, signal.SIGCONT)
            self._pipe.send(None)
        self._process.join(_PATIENCE)
        self._pipe.close()

    def _ask(self, work: Callable[..., Any], *given: Any) -> Any:
        self._pipe.send((work, given))
        assert self._pipe.poll(_PATIENCE), "the worker does not answer"
        return self._pipe.recv()


def _serve(pipe: Any, directory: Path, clock: HandClock, quota: int) -> None:
    store = SharedStore(app="app", capacity=1000, quota=quota, directory=directory, clock=clock)
    while (told := pipe.recv()) is not None:
        work, given = told
        try:
            pipe.send(work(store, clock, *given))
        except StoreError as error:
            pipe.send(str(error))
    store.close()


def _plain(store: SharedStore, clock: HandClock, name: bytes, issued: float | None, owner: bytes) -> Outcome:
    return plain(store, clock, name, owner=owner, issued=issued)


def _nonced(store: SharedStore, clock: HandClock, name: bytes, epoch: bytes | None, owner: bytes) -> Outcome:
    return nonced(store, clock, name, owner=owner, epoch=epoch)


def _state(store: SharedStore, clock: HandClock) -> StoreState:
    del clock
    return store.state()


def _move_clock(store: SharedStore, clock: HandClock, advance: float, step: float) -> None:
    del store
    clock.advance(advance)
    clock.step(step)


def _lock(store: SharedStore, clock: HandClock, name: bytes) -> None:
    del clock
    table = store._table
    assert table.locks.take(table.spot(name)[0], 1.0)
