"""Many processes, each with many threads or tasks, that present the same proofs to a store at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Final, TypeAlias

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome
from scripts.ordeals.claims import REPLAYS, Opener, present

__all__ = ["UNANSWERED", "Crowd", "Raced", "race", "race_over_forks"]

UNANSWERED: Final = "unanswered"
"""A claim that the store gave up on: it was refused, and cost its caller a 503."""
_STEP: Final = 50
_PEERS: Final = 4
_PATIENCE: Final = 300.0

_Won: TypeAlias = list[int]
Raced: TypeAlias = tuple["Counter[int]", "Counter[str]"]
"""How often each proof was accepted; and the answers that are neither an acceptance nor a replay."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who presents what. Each of `proofs` is presented once by each of `contenders` in each of `processes`.

    The proofs belong to `owners` machines in turn. tasks: contenders are asyncio tasks, not threads.
    """

    processes: int
    contenders: int
    proofs: int
    owners: int
    tasks: bool = False

    @property
    def trials(self) -> int:
        return self.processes * self.contenders * self.proofs

    def steps(self) -> Iterator[range]:
        """The proofs in pieces; nobody begins one before everybody has finished the one before."""
        for first in range(0, self.proofs, _STEP):
            yield range(first, min(first + _STEP, self.proofs))


def race(open_store: Opener, crowd: Crowd, method: str = "spawn") -> Raced:
    """Every process opens the store itself. `method`: how processes are started."""
    return _race(method, crowd, _opened, open_store)


def race_over_forks(open_store: Opener, crowd: Crowd) -> Raced:
    """The store is opened once, and the processes are forked after that, as under gunicorn --preload."""
    store = open_store()
    try:
        return _race("fork", crowd, lambda: store)
    finally:
        store.close()


def _opened(open_store: Opener) -> Any:
    return open_store()


def _race(method: str, crowd: Crowd, find: Any, *given: Any) -> Raced:
    context: Any = get_context(method)
    begin, results = context.Barrier(crowd.processes), context.Queue()
    arguments = (crowd, begin, results, find, *given)
    workers = [context.Process(target=_compete, args=arguments, daemon=True) for _ in range(crowd.processes)]
    for worker in workers:
        worker.start()
    won, others = Counter[int](), Counter[str]()
    for _ in workers:
        one, other = _next(results, workers)
        won.update(one)
        others.update(other)
    for worker in workers:
        worker.join(10)
    return won, others


def _next(results: Any, workers: Sequence[Any]) -> Any:
    """What the next process has to say, which may take long; ChildProcessError where one of them failed."""
    while True:
        with contextlib.suppress(queue.Empty):
            return results.get(timeout=5.0)
        failed = [worker.exitcode for worker in workers if worker.exitcode]
        if failed:
            for worker in workers:
                worker.kill()
            raise ChildProcessError(f"a process ended with {failed[0]}")


def _compete(crowd: Crowd, begin: Any, results: Any, find: Any, *given: Any) -> None:
    store = find(*given)
    results.put(asyncio.run(_by_tasks(store, crowd, begin)) if crowd.tasks else _by_threads(store, crowd, begin))
    store.close()


def _by_threads(store: Any, crowd: Crowd, begin: Any) -> tuple[_Won, Counter[str]]:
    together = threading.Barrier(crowd.contenders, lambda: begin.wait(_PATIENCE))
    won, others = list[int](), Counter[str]()

    def contend(number: int) -> None:
        for step in crowd.steps():
            together.wait(_PATIENCE)
            for proof in step:
                try:
                    outcome = store.claim(*present(proof, proof % crowd.owners, 1 + number % _PEERS))
                    _count(outcome, proof, won, others)
                except StoreError:
                    others[UNANSWERED] += 1

    with ThreadPoolExecutor(crowd.contenders) as pool:
        list(pool.map(contend, range(crowd.contenders)))
    return won, others


async def _by_tasks(store: Any, crowd: Crowd, begin: Any) -> tuple[_Won, Counter[str]]:
    won, others = list[int](), Counter[str]()

    async def contend(number: int, step: range) -> None:
        for proof in step:
            try:
                outcome = await store.claim_async(*present(proof, proof % crowd.owners, 1 + number % _PEERS))
                _count(outcome, proof, won, others)
            except StoreError:
                others[UNANSWERED] += 1

    for step in crowd.steps():
        await asyncio.to_thread(begin.wait, _PATIENCE)
        await asyncio.gather(*(contend(number, step) for number in range(crowd.contenders)))
    return won, others


def _count(outcome: Outcome, proof: int, won: _Won, others: Counter[str]) -> None:
    if outcome is Outcome.NEW:
        won.append(proof)
    elif outcome not in REPLAYS:
        others[outcome.value] += 1
