"""One machine that makes as many valid claims as it can: what that costs, and whom it hurts."""

from __future__ import annotations

import resource
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from mfa_middleware.clock import Clock
from mfa_middleware.replay import Outcome, open_store, sustained_rate
from mfa_middleware.replay.files import store_path
from mfa_middleware.testing import FrozenClock
from scripts.ordeals.claims import REPLAYS, present
from scripts.ordeals.scene import Play, Result, Stage

__all__ = ["flooded", "flooded_for_hours"]

_GREEDY: Final = 0
_NEIGHBOURS: Final = 50
_EVERY: Final = 1_000
_SECONDS: Final = 30.0
_ENTRY: Final = 24
"""Bytes that a live entry may cost."""
_BASE: Final = 1_000_000
"""Bytes for what does not depend on the capacity; numbers of the neighbours' proofs begin here as well."""
_SLACK: Final = 16_000_000
"""Bytes that a process may grow by beside the store."""


@dataclass
class _Count:
    """What became of the claims of the greedy machine, of its neighbours, and of its old proofs."""

    greedy: Counter[Outcome] = field(default_factory=Counter)
    neighbours: Counter[Outcome] = field(default_factory=Counter)
    again: Counter[Outcome] = field(default_factory=Counter)
    live: array[int] = field(default_factory=lambda: array("L"))
    store_bytes: int = 0
    grown_bytes: int = 0


def flooded(uri: str) -> Play:
    """A million claims within half a minute of the store's clock: a quota's worth is accepted."""

    def play(stage: Stage) -> Result:
        capacity, claims = stage.size((1_000_000, 1_000_000), (30_000, 30_000))
        quota = capacity // 4
        count: _Count = _in_child(_flood, uri, stage.app, capacity, quota, claims)
        return _result(count, claims, quota, quota, capacity)

    return play


def flooded_for_hours(stage: Stage) -> Result:
    """A million claims at the rate that the quota allows for ever, under a clock that moves on: all are accepted."""
    capacity, claims = stage.size((1_000_000, 1_000_000), (30_000, 30_000))
    quota = capacity // 4
    count: _Count = _in_child(_flood_slowly, stage.app, capacity, quota, claims)
    return _result(count, claims, claims, quota, capacity)


def _flood(uri: str, app: str, capacity: int, quota: int, claims: int) -> _Count:
    clock = FrozenClock(time.time())
    store, count = _opened(uri, app, capacity, quota, clock), _Count()
    before = _resident()
    for proof in range(claims):
        outcome = store.claim(*present(proof, _GREEDY, now=clock.wall()))
        count.greedy[outcome] += 1
        if outcome is Outcome.NEW:
            count.live.append(proof)
        if proof % _EVERY == 0:
            count.neighbours[store.claim(*_of_neighbour(proof // _EVERY, clock.wall()))] += 1
        clock.advance(_SECONDS / claims)
    return _closed(store, uri, app, count, before, (present(proof, _GREEDY, now=clock.wall()) for proof in count.live))


def _flood_slowly(app: str, capacity: int, quota: int, claims: int) -> _Count:
    clock = FrozenClock(time.time())
    store, count = _opened("shared:", app, capacity, quota, clock), _Count()
    before, rate = _resident(), int(sustained_rate(quota))
    for proof in range(claims):
        now = clock.wall()
        count.greedy[store.claim(*present(proof, _GREEDY, now=now))] += 1
        if proof % _EVERY == 0:
            count.neighbours[store.claim(*_of_neighbour(proof // _EVERY, now))] += 1
        if proof % rate == 0:
            clock.advance(1.0)
    count.live = array("L", range(max(0, claims - 30 * rate), claims))
    again = (present(proof, _GREEDY, now=clock.wall()) for proof in count.live)
    return _closed(store, "shared:", app, count, before, again)


def _opened(uri: str, app: str, capacity: int, quota: int, clock: Clock) -> Any:
    return open_store(uri, capacity=capacity, quota=quota, app=app, never_cold=True, clock=clock)


def _closed(store: Any, uri: str, app: str, count: _Count, before: int, again: Iterator[Any]) -> _Count:
    """Measure, present the old proofs again, and send home what was counted."""
    count.grown_bytes = _resident() - before
    count.store_bytes = store_path(app).stat().st_size if uri == "shared:" else count.grown_bytes
    count.again.update(store.claim(*claim) for claim in again)
    store.close()
    return count


def _of_neighbour(number: int, now: float) -> Any:
    return present(_BASE + number, 1 + number % _NEIGHBOURS, 2, now)


def _resident() -> int:
    """The memory that this process has now, in bytes; nothing where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _in_child(work: Any, *given: Any) -> Any:
    """What `work` returns in a process of its own, so that its memory can be told."""
    context = get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(work, given)


def _result(count: _Count, claims: int, expected: int, quota: int, capacity: int) -> Result:
    refused = count.neighbours.total() - count.neighbours[Outcome.NEW]
    forgotten = sum(number for outcome, number in count.again.items() if outcome not in REPLAYS)
    allowed = capacity * _ENTRY + _BASE
    faults = [
        *([f"{refused} claims of other machines were refused"] if refused else []),
        *([f"{forgotten} live proofs were forgotten"] if forgotten else []),
        *([f"the store takes {count.store_bytes} bytes, not {allowed}"] if count.store_bytes > allowed else []),
        *([f"the process grew by {count.grown_bytes} bytes"] if count.grown_bytes > allowed + _SLACK else []),
    ]
    details = {
        "capacity": capacity, "quota": quota, "owners": 1 + _NEIGHBOURS, "store_bytes": count.store_bytes,
        "grown_bytes": count.grown_bytes, "neighbours": count.neighbours.total(), "again": count.again.total(),
    }  # fmt: skip
    return Result(claims, count.greedy[Outcome.NEW], expected, tuple(faults), details)
