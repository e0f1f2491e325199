"""The cost of a claim in the stores: time, rate over two processes, bytes for a live entry."""

from __future__ import annotations

import hashlib
import os
import statistics
import time
from collections.abc import Iterator
from multiprocessing import get_context
from typing import Any, Final

from mfa_middleware.replay import ReplayStore, open_store
from scripts.benchmarks.setting import steady_store

_COUNT: Final = 50_000
_PEER: Final = bytes([192, 0, 2, 1])


def _keys(salt: bytes, count: int) -> list[bytes]:
    return [hashlib.blake2b(b"%b%d" % (salt, number), digest_size=16).digest() for number in range(count)]


def latency(store: ReplayStore) -> float:
    """Median microseconds of a claim that succeeds."""
    spent, deadline = [], time.time() + 60
    for key in _keys(b"latency", 20_000):
        began = time.perf_counter_ns()
        store.claim(key, b"o" * 16, 90.0, None, deadline, _PEER)
        spent.append(time.perf_counter_ns() - began)
    return statistics.median(spent) / 1000


def _claim_many(app: str, salt: bytes, begin: Any, rates: Any) -> None:
    store = open_store("shared:", capacity=1_000_000, quota=1_000_000, app=app, never_cold=True)
    keys, deadline = _keys(salt, _COUNT), time.time() + 60
    begin.wait()
    began = time.perf_counter()
    for key in keys:
        store.claim(key, salt.ljust(16), 90.0, None, deadline, _PEER)
    rates.put(_COUNT / (time.perf_counter() - began))
    store.close()


def rate(processes: int) -> float:
    """Claims per second of several processes on one shared store, together."""
    context = get_context("spawn")
    begin, rates = context.Barrier(processes), context.Queue()
    with steady_store() as store:
        app = f"bench-{os.getpid()}"
        workers = [
            context.Process(target=_claim_many, args=(app, b"worker-%d" % number, begin, rates))
            for number in range(processes)
        ]
        for worker in workers:
            worker.start()
        total = sum(float(rates.get(timeout=60)) for _ in workers)
        for worker in workers:
            worker.join()
        del store
    return total


def claims() -> Iterator[dict[str, Any]]:
    """Every figure of the stores."""
    with steady_store() as store:
        yield {"name": "claim, shared:, median", "us": latency(store)}
        yield {"name": "shared:, bytes for a live entry", "bytes": store.path.stat().st_size / store.capacity}
    memory = open_store("memory:", capacity=1_000_000, quota=250_000, app="bench", never_cold=True)
    yield {"name": "claim, memory:, median", "us": latency(memory)}
    memory.close()
    yield {"name": "claims over 2 processes, shared:", "per_second": rate(2)}
