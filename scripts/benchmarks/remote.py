"""The cost of a claim on a Valkey server of this machine: from a thread, and from tasks that share round trips."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mfa_middleware.replay import Outcome, ReplayStore, open_store
from tests.helpers.valkey import Valkey, running

_COUNT: Final = 16_000
_THREAD_COUNT: Final = 2_000
_CROWDS: Final = (16, 64, 256)


def remote() -> Iterator[dict[str, Any]]:
    """Every figure of the store on a server; CPU is that of the client process alone."""
    with tempfile.TemporaryDirectory() as directory, running(Path(directory) / "valkey") as server:
        for library in ("redis", "valkey"):
            store = _open(server, library)
            yield {"name": f"claim, {library}:, one thread, median", "us": _latency(store)}
            for crowd in _CROWDS:
                rate, cpu = asyncio.run(_crowd(store, crowd))
                yield {
                    "name": f"claims of {crowd} tasks, {library}:, client CPU of each",
                    "us": cpu,
                    "per_second": rate,
                }
            store.close()
        yield {"name": "valkey:, server's bytes for a live entry", "bytes": _bytes(server)}


def _open(server: Valkey, library: str) -> ReplayStore:
    uri = server.url.replace("valkey", library, 1)
    return open_store(uri, capacity=1_000_000, quota=1_000_000, app=f"bench-{library}", never_cold=True, timeout=5.0)


def _latency(store: ReplayStore) -> float:
    spent, deadline = [], time.time() + 60
    for _ in range(_THREAD_COUNT):
        key, began = os.urandom(16), time.perf_counter_ns()
        store.claim(key, b"o" * 16, 90.0, None, deadline)
        spent.append(time.perf_counter_ns() - began)
    return statistics.median(spent) / 1000


async def _crowd(store: ReplayStore, crowd: int) -> tuple[float, float]:
    """Claims per second, and CPU microseconds of each, where so many tasks claim one after the other."""
    deadline = time.time() + 60

    async def claim(count: int) -> None:
        for _ in range(count):
            if await store.claim_async(os.urandom(16), b"o" * 16, 90.0, None, deadline) is not Outcome.NEW:
                raise SystemExit("a claim for the benchmark was refused")

    await claim(10)
    count = _COUNT // crowd
    began, began_cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*[claim(count) for _ in range(crowd)])
    cpu, seconds = time.process_time() - began_cpu, time.perf_counter() - began
    return count * crowd / seconds, cpu / (count * crowd) * 1e6


def _bytes(server: Valkey) -> float:
    """Bytes of the server's memory for one of 100,000 entries of 100 machines."""
    store = open_store(server.url, capacity=1_000_000, quota=1_000_000, app="bytes", never_cold=True, timeout=5.0)
    before, count = _used(server), 100_000

    async def fill() -> None:
        deadline = time.time() + 60
        owners = [b"%016d" % number for number in range(100)]
        for start in range(0, count, 1_000):
            claims = [
                store.claim_async(os.urandom(16), owners[number % 100], 90.0, None, deadline, b"1234")
                for number in range(start, start + 1_000)
            ]
            await asyncio.gather(*claims)

    asyncio.run(fill())
    used = (_used(server) - before) / count
    store.close()
    return used


def _used(server: Valkey) -> int:
    told = str(server.ask("INFO", "memory"))
    return int(next(line for line in told.splitlines() if line.startswith("used_memory:")).partition(":")[2])
