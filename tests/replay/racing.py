"""Many processes and threads that present the same proofs at the same time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mfa_middleware.replay import Outcome, ReplayStore
from mfa_middleware.replay.shared import SharedStore

OWNER = b"owner of the key"


def key(number: int) -> bytes:
    return f"key {number:>12}".encode()


def winners(stores: list[ReplayStore], threads: int, keys: int) -> Counter[int]:
    """How often each key was accepted by threads that all present every key, in step."""
    deadline, together = time.time() + 60, threading.Barrier(threads)

    def present(number: int) -> list[int]:
        store, won = stores[number % len(stores)], []
        for name in range(keys):
            if name % 50 == 0:
                together.wait(30)
            if store.claim(key(name), OWNER, 90.0, None, deadline) is Outcome.NEW:
                won.append(name)
        return won

    with ThreadPoolExecutor(threads) as pool:
        return Counter(name for won in pool.map(present, range(threads)) for name in won)


def _present_all(directory: Path, threads: int, keys: int, begin: Any, results: Any) -> None:
    store = SharedStore(app="race", directory=directory, capacity=100_000, quota=100_000, never_cold=True)
    begin.wait(30)
    results.put(list(winners([store], threads, keys).elements()))
    store.close()


def _present_inherited(store: ReplayStore, threads: int, keys: int, begin: Any, results: Any) -> None:
    begin.wait(30)
    results.put(list(winners([store], threads, keys).elements()))


def winners_over_processes(directory: Path, method: str, processes: int, threads: int, keys: int) -> Counter[int]:
    """The same over processes that share a store, started by `spawn` or `fork`."""
    return _race(method, processes, _present_all, directory, threads, keys)


def winners_over_forks(store: ReplayStore, processes: int, threads: int, keys: int) -> Counter[int]:
    """The same over processes that were forked from one that had opened the store."""
    return _race("fork", processes, _present_inherited, store, threads, keys)


def _race(method: str, processes: int, work: Callable[..., None], *given: Any) -> Counter[int]:
    context: Any = get_context(method)
    begin, results = context.Barrier(processes), context.Queue()
    workers = [context.Process(target=work, args=(*given, begin, results)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    won: Counter[int] = Counter()
    for _ in workers:
        won.update(results.get(timeout=60))
    for worker in workers:
        worker.join(10)
        assert worker.exitcode == 0
    return won


def run_in_child(context: Any, work: Callable[..., Any], *arguments: Any) -> Any:
    """What `work` returns in a process of its own."""
    results = context.Queue()
    child = context.Process(target=_report, args=(results, work, arguments))
    child.start()
    try:
        return results.get(timeout=20)
    finally:
        child.join(10)


def _report(results: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    results.put(work(*arguments))
