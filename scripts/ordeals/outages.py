"""A Valkey server that stops, hangs, comes back empty or begins to evict: what a store that needs it says meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome, open_store
from scripts.ordeals.claims import present
from scripts.ordeals.faults import FAULTS, Fault
from scripts.ordeals.scene import Play, Result, Stage
from tests.helpers import valkey

__all__ = ["away"]

_CAPACITY: Final = 100_000
_QUOTA: Final = _CAPACITY // 4
_OWNER: Final = 0
_CAPTURED: Final = 20
_PATIENCE: Final = 10.0
_FAILURES: Final = 3
_SLEEP: Final = 0.05
_FIRST_SECONDS, _OPEN_SECONDS, _BACK_SECONDS = 0.060, 0.002, 2.0


@dataclass
class _Bench:
    """A store, asked by a thread or by a task; how often it answered what."""

    ask: Callable[..., Any]
    refresh: Callable[[], Any]
    numbers: Iterator[int] = field(default_factory=itertools.count)
    trials: int = 0
    wrong: int = 0
    first: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    late: list[float] = field(default_factory=list)
    open: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)

    def play(self, server: valkey.Valkey, fault: Fault) -> None:
        """One fault: what was accepted before it is presented while it lasts, and after it."""
        epoch, captured = self._capture()
        fault.begin(server)
        if fault.silences:
            self._measure(fault)
        self._again(captured, epoch)
        fault.end(server)
        self._wait(time.monotonic())
        self._again(captured, epoch)

    def _capture(self) -> tuple[bytes, list[int]]:
        """Proofs that are accepted, and the epoch of their nonces. On a busy machine a claim may fail for itself."""
        captured: list[int] = []
        end = time.monotonic() + _PATIENCE
        while len(captured) < _CAPTURED and time.monotonic() < end:
            number = next(self.numbers)
            with contextlib.suppress(StoreError):
                epoch: bytes = self.refresh().epoch
                captured += [number] * (self.ask(number, epoch) is Outcome.NEW)
        assert len(captured) == _CAPTURED, "the store accepts nothing"
        return epoch, captured

    def _measure(self, fault: Fault) -> None:
        """How long it takes to say that the store is away: at first, and once the breaker is open."""
        for _ in range(_FAILURES):
            self.first[fault.name].append(self._refused())
            self.late.append(_lateness())
        for _ in range(_CAPTURED):
            self.open.append(self._refused())

    def _refused(self) -> float:
        began = time.perf_counter()
        outcome = self._try(next(self.numbers), None)
        self.trials += 1
        self.wrong += outcome is not None
        return time.perf_counter() - began

    def _again(self, captured: list[int], epoch: bytes) -> None:
        for number in captured:
            for given in (epoch, None):
                self.trials += 1
                self.wrong += self._try(number, given) is Outcome.NEW

    def _wait(self, began: float) -> None:
        """Until a proof with a nonce is accepted again."""
        while time.monotonic() - began < _PATIENCE:
            with contextlib.suppress(StoreError):
                if self.ask(next(self.numbers), self.refresh().epoch) is Outcome.NEW:
                    break
            time.sleep(0.01)
        self.back.append(time.monotonic() - began)

    def _try(self, number: int, epoch: bytes | None) -> Outcome | None:
        with contextlib.suppress(StoreError):
            outcome: Outcome = self.ask(number, epoch)
            return outcome
        return None


def _lateness() -> float:
    """By how much this machine, busy as it is now, wakes up a sleeper too late, in seconds."""
    began = time.perf_counter()
    time.sleep(_SLEEP)
    return time.perf_counter() - began - _SLEEP


def away(*, tasks: bool) -> Play:
    """Every fault, several times over, met by claims of a thread or of the tasks of an event loop."""

    def play(stage: Stage) -> Result:
        with valkey.running(stage.folder / "valkey", began=stage.began) as server, asyncio.Runner() as runner:
            store = open_store(server.url, capacity=_CAPACITY, quota=_QUOTA, app=stage.app)
            bench = _of_tasks(store, runner) if tasks else _of_threads(store)
            for _ in range(stage.size(5, 1)):
                for fault in FAULTS:
                    bench.play(server, fault)
            store.close()
        return _result(bench)

    return play


def _of_threads(store: Any) -> _Bench:
    return _Bench(lambda number, epoch: store.claim(*present(number, _OWNER, epoch=epoch)), store.refresh)


def _of_tasks(store: Any, runner: asyncio.Runner) -> _Bench:
    def ask(number: int, epoch: bytes | None) -> Any:
        return runner.run(store.claim_async(*present(number, _OWNER, epoch=epoch)))

    return _Bench(ask, lambda: runner.run(store.refresh_async()))


def _result(bench: _Bench) -> Result:
    late = statistics.median(bench.late)
    first = {f"first, {name}": (statistics.median(took), _FIRST_SECONDS + late) for name, took in bench.first.items()}
    measured = {
        **first,
        "open": (statistics.median(bench.open), _OPEN_SECONDS),
        "back": (statistics.median(bench.back), _BACK_SECONDS),
    }
    faults = [f"{name}: {took:.4f} s, not {bar:.4f} s" for name, (took, bar) in measured.items() if took > bar]
    details = {
        "first_ms": {name: round(1000 * statistics.median(took), 1) for name, took in bench.first.items()},
        "late_ms": round(1000 * late, 1), "open_ms": round(1000 * measured["open"][0], 3),
        "back_seconds": round(measured["back"][0], 2),
        "longest_back_seconds": round(max(bench.back), 2), "measured": "medians of claims in process",
        "quota": _QUOTA, "owners": 1,
    }  # fmt: skip
    return Result(bench.trials, bench.wrong, 0, tuple(faults), details)
