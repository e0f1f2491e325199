"""Under asyncio: the same answers, one winner, and a loop that goes on while a lock is not free."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from pathlib import Path

import pytest

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome, ReplayStore
from mfa_middleware.replay.shared import SharedStore
from tests.replay.clocks import HandClock
from tests.replay.using import OWNER, Opener, key, nonced


def _claim(store: ReplayStore, clock: HandClock, name: bytes) -> asyncio.Task[Outcome]:
    return asyncio.create_task(store.claim_async(name, OWNER, 90.0, None, clock.wall() + 60))


def test_tasks_get_the_answers_that_threads_get(warm: ReplayStore, clock: HandClock) -> None:
    async def run() -> list[Outcome]:
        name = key()
        first = [await _claim(warm, clock, name) for _ in range(2)]
        clock.step(3600)
        return [*first, await _claim(warm, clock, name), nonced(warm, clock, name)]

    assert asyncio.run(run()) == [Outcome.NEW, Outcome.SEEN, Outcome.COLD, Outcome.SEEN]


def test_one_task_wins(warm: ReplayStore, clock: HandClock) -> None:
    async def run() -> list[Outcome]:
        name = key()
        return await asyncio.gather(*[_claim(warm, clock, name) for _ in range(50)])

    assert sorted(outcome.value for outcome in asyncio.run(run())) == ["new"] + ["seen"] * 49


def test_the_common_path_does_not_give_the_loop_away(warm: ReplayStore, clock: HandClock) -> None:
    claim = warm.claim_async(key(), OWNER, 90.0, None, clock.wall() + 60)
    with pytest.raises(StopIteration) as ended:
        claim.send(None)
    assert ended.value.value is Outcome.NEW


def test_a_wrong_call_is_an_error_of_the_program(warm: ReplayStore) -> None:
    claim = warm.claim_async(key(), OWNER, 1000.0, None, 0.0)
    assert inspect.iscoroutine(claim)
    with pytest.raises(ValueError, match="at most 150"):
        claim.send(None)


def test_the_loop_goes_on_while_a_lock_is_not_free(warm: ReplayStore, clock: HandClock) -> None:
    name = key()
    table = warm._table  # type: ignore[attr-defined]
    stripe = table.spot(name)[0]

    async def run() -> tuple[Outcome, float]:
        assert table.locks.take(stripe, 0)
        waiting, longest = _claim(warm, clock, name), 0.0
        for _ in range(20):
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before)
        assert not waiting.done()
        table.locks.give(stripe)
        return await asyncio.wait_for(waiting, 5), longest

    outcome, longest = asyncio.run(run())
    assert outcome is Outcome.NEW
    assert longest < 0.5  # a claim that blocked would have held the loop for a second


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_lock_that_is_never_free_is_an_error_in_bounded_time(
    warm: ReplayStore, clock: HandClock, monkeypatch: pytest.MonkeyPatch, asynchronous: bool
) -> None:
    monkeypatch.setattr("mfa_middleware.replay.store.WAIT_SECONDS", 0.05)
    name = key()
    table = warm._table  # type: ignore[attr-defined]
    stripe = table.spot(name)[0]
    table.locks.take(stripe, 0)
    claim = (name, OWNER, 90.0, None, clock.wall() + 60)
    with pytest.raises(StoreError, match="locked by another worker"):
        _ = asyncio.run(warm.claim_async(*claim)) if asynchronous else warm.claim(*claim)
    table.locks.give(stripe)
    assert warm.claim(name, OWNER, 90.0, None, clock.wall() + 60) is Outcome.NEW


def test_an_owner_whose_count_is_locked_is_waited_for(warm: ReplayStore, clock: HandClock) -> None:
    table = warm._table  # type: ignore[attr-defined]
    owners = range(table.geometry.stripes, table.geometry.stripes + 64)
    for lock in owners:
        table.locks.take(lock, 0)
    free = threading.Timer(0.05, lambda: [table.locks.give(lock) for lock in owners])
    free.start()
    outcome = asyncio.run(warm.claim_async(key(), OWNER, 90.0, None, clock.wall() + 60))
    free.join()
    assert outcome is Outcome.NEW


def test_a_file_is_opened_in_a_thread(shared: Opener, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    store: SharedStore = shared(never_cold=True)  # type: ignore[assignment]
    finders: list[threading.Thread] = []
    find = store._find_table
    monkeypatch.setattr(store, "_find_table", lambda: finders.append(threading.current_thread()) or find())
    store.path.unlink()
    outcome = asyncio.run(store.claim_async(key(), OWNER, 90.0, None, clock.wall() + 60))
    assert outcome is Outcome.NEW
    assert len(finders) == 1
    assert finders[0] is not threading.main_thread()


def test_a_file_that_cannot_be_used_is_an_error(shared: Opener, clock: HandClock, tmp_path: Path) -> None:
    store: SharedStore = shared(never_cold=True)  # type: ignore[assignment]
    store.path.unlink()
    store.path.write_bytes(b"junk")
    store.path.chmod(0o600)
    with pytest.raises(StoreError, match="not a replay store: remove it"):
        asyncio.run(store.claim_async(key(), OWNER, 90.0, None, clock.wall() + 60))
