"""What holds among the worker processes of a host while their file, their clocks and they themselves come and go."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome
from mfa_middleware.replay.shared import SharedStore
from tests.replay.clocks import HandClock
from tests.replay.using import OWNER, Opener, key
from tests.replay.workers import Worker

Hire = Callable[..., Worker]


@pytest.fixture
def hire(tmp_path: Path, clock: HandClock) -> Iterator[Hire]:
    """Starts workers that share the file of the fixture `shared`."""
    workers: list[Worker] = []

    def start(**options: Any) -> Worker:
        workers.append(Worker(tmp_path, clock, **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()


@pytest.fixture
def three(hire: Hire, clock: HandClock) -> list[Worker]:
    """Three workers whose store is no longer cold; whoever is hired later has the same clock."""
    workers = [hire() for _ in range(3)]
    for worker in workers:
        assert worker.plain(key()) is Outcome.COLD
        worker.move_clock(advance=30)
    clock.advance(30)
    return workers


def _accepted(workers: list[Worker], count: int = 12) -> list[bytes]:
    """Keys that were accepted, in turn by each of the workers."""
    names = [key() for _ in range(count)]
    for worker, name in zip(itertools.cycle(workers), names, strict=False):
        assert worker.plain(name) is Outcome.NEW
    return names


def test_what_one_worker_accepted_no_other_accepts(three: list[Worker]) -> None:
    names = _accepted(three)
    assert {worker.plain(name) for worker in three for name in names} == {Outcome.SEEN}
    assert len({worker.state() for worker in three}) == 1


def test_a_file_deleted_under_workers_makes_each_cold_and_lets_no_captured_proof_in(
    three: list[Worker], tmp_path: Path, clock: HandClock
) -> None:
    names, captured = _accepted(three), three[0].state().epoch
    issued = clock.wall()
    (file,) = tmp_path.iterdir()
    file.unlink()
    for worker in three:
        assert {worker.plain(name, issued) for name in names} == {Outcome.COLD}
        assert {worker.nonced(name, captured) for name in names} == {Outcome.COLD}
    assert len({worker.state() for worker in three}) == 1
    name = key()
    assert [worker.nonced(name) for worker in three] == [Outcome.NEW, Outcome.SEEN, Outcome.SEEN]
    for worker in three:
        worker.move_clock(advance=60)
    assert {worker.plain(name, issued) for worker in three for name in names} <= {Outcome.COLD, Outcome.STALE}


def test_a_worker_that_is_replaced_after_the_file_was_deleted_shares_the_new_one(
    three: list[Worker], tmp_path: Path, hire: Hire
) -> None:
    names = _accepted(three)
    (file,) = tmp_path.iterdir()
    file.unlink()
    three[0].kill()
    fresh, name = hire(), key()
    assert fresh.nonced(name) is Outcome.NEW
    assert {worker.nonced(name) for worker in three[1:]} == {Outcome.SEEN}
    assert {worker.plain(name) for worker in [fresh, *three[1:]] for name in names} == {Outcome.COLD}


def test_a_file_replaced_by_another_is_left_by_every_worker(
    three: list[Worker], tmp_path: Path, shared: Opener
) -> None:
    names, (file,) = _accepted(three), list(tmp_path.iterdir())
    another: Any = shared(app="another")
    state = another.state()
    another.path.rename(file)
    for worker in three:
        worker.move_clock(advance=0.5)
        assert {worker.plain(name) for name in names} == {Outcome.COLD}
        assert worker.state() == state


def test_entries_outlive_workers_that_are_all_killed(three: list[Worker], hire: Hire) -> None:
    names, state = _accepted(three), three[0].state()
    for worker in three:
        worker.lock_the_place_of(names[0])
        worker.kill()
    again = hire()
    assert again.state() == state
    assert {again.plain(name) for name in names} == {Outcome.SEEN}
    assert again.plain(key()) is Outcome.NEW


@pytest.mark.parametrize("hours", [1, -1])
def test_all_workers_agree_on_the_epoch_after_a_clock_was_set(three: list[Worker], hours: int) -> None:
    names, before = _accepted(three), three[0].state()
    for worker in three:
        worker.move_clock(step=3600 * hours)
    after = {worker.state() for worker in three}
    assert len(after) == 1
    assert after != {before}
    assert {worker.plain(name) for worker in three for name in names} == {Outcome.COLD}
    assert {worker.nonced(name) for worker in three for name in names} == {Outcome.SEEN}


def test_a_quota_counts_what_all_workers_accepted_and_hurts_nobody_else(hire: Hire) -> None:
    workers = [hire(quota=20) for _ in range(3)]
    turns = [worker for _, worker in zip(range(60), itertools.cycle(workers), strict=False)]
    outcomes = [worker.nonced(key(), owner=b"greedy") for worker in turns]
    assert (outcomes.count(Outcome.NEW), outcomes.count(Outcome.QUOTA)) == (20, 40)
    assert {worker.nonced(key(), owner=b"modest") for worker in workers} == {Outcome.NEW}


@pytest.fixture
def stopped(hire: Hire, shared: Opener) -> tuple[SharedStore, bytes, Worker]:
    """A store, and a key whose lock is held by a worker that does not run."""
    store: Any = shared(never_cold=True)
    worker, name = hire(), key()
    worker.lock_the_place_of(name)
    os.kill(worker.pid, signal.SIGSTOP)
    return store, name, worker


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_worker_that_stands_still_with_a_lock_costs_a_bounded_wait(
    stopped: tuple[SharedStore, bytes, Worker], clock: HandClock, asynchronous: bool
) -> None:
    store, name, worker = stopped
    claim, began = (name, OWNER, 90.0, None, clock.wall() + 60), time.monotonic()
    with pytest.raises(StoreError, match="locked by another worker"):
        _ = asyncio.run(store.claim_async(*claim)) if asynchronous else store.claim(*claim)
    assert time.monotonic() - began < 5
    worker.kill()
    assert store.claim(*claim) is Outcome.NEW


def test_the_loop_goes_on_while_another_process_holds_the_lock(
    stopped: tuple[SharedStore, bytes, Worker], clock: HandClock
) -> None:
    store, name, worker = stopped

    async def run() -> tuple[list[float], Outcome]:
        claims = [store.claim_async(name, OWNER, 90.0, None, clock.wall() + 60) for _ in range(20)]
        waiting, pauses = [asyncio.create_task(claim) for claim in claims], []
        for _ in range(50):
            before = time.perf_counter()
            await asyncio.sleep(0)
            pauses.append(time.perf_counter() - before)
            await asyncio.sleep(0.002)
        assert not any(task.done() for task in waiting)
        worker.kill()
        outcomes = await asyncio.gather(*waiting)
        assert outcomes.count(Outcome.NEW) == 1
        assert outcomes.count(Outcome.SEEN) == 19
        return pauses, await store.claim_async(key(), OWNER, 90.0, None, clock.wall() + 60)

    pauses, later = asyncio.run(run())
    assert later is Outcome.NEW
    assert sorted(pauses)[len(pauses) // 2] < 0.005
