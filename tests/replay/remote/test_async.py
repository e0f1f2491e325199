"""Tasks that claim at the same time share round trips, and none of them can harm another."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome
from mfa_middleware.replay.remote.store import RemoteStore
from tests.helpers.valkey import Valkey
from tests.replay.remote.opening import closed, opened
from tests.replay.remote.test_outage import _calls
from tests.replay.using import OWNER, key


@pytest.fixture
def store(valkey: Valkey) -> Iterator[RemoteStore]:
    store = opened(valkey, capacity=100_000, quota=100_000, never_cold=True)
    yield store
    store.close()


async def _claim(store: RemoteStore, name: bytes) -> Outcome:
    return await store.claim_async(name, OWNER, 90.0, None, time.time() + 60)


def test_many_tasks_make_few_calls(valkey: Valkey, store: RemoteStore) -> None:
    async def all_at_once() -> Counter[Outcome]:
        outcomes = Counter(await asyncio.gather(*[_claim(store, key()) for _ in range(2_000)]))
        await closed(store)
        return outcomes

    before = _calls(valkey)
    assert asyncio.run(all_at_once()) == {Outcome.NEW: 2_000}
    assert _calls(valkey) - before <= 2_000 / 100


def test_one_task_wins_each_key(store: RemoteStore) -> None:
    async def race() -> list[Counter[Outcome]]:
        names = [key() for _ in range(50)]
        outcomes = await asyncio.gather(*[_claim(store, name) for _ in range(20) for name in names])
        await closed(store)
        return [Counter(outcomes[at :: len(names)]) for at in range(len(names))]

    assert asyncio.run(race()) == [{Outcome.NEW: 1, Outcome.SEEN: 19}] * 50


def test_a_task_that_is_cancelled_disturbs_no_other(store: RemoteStore) -> None:
    async def leave_some() -> list[Outcome | BaseException]:
        tasks = [asyncio.create_task(_claim(store, key())) for _ in range(100)]
        await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        again = await asyncio.gather(*[_claim(store, key()) for _ in range(10)])
        await closed(store)
        return [*results, *again]

    results = asyncio.run(leave_some())
    stayed = [result for number, result in enumerate(results) if number % 3 or number >= 100]
    assert set(stayed) == {Outcome.NEW}


def test_each_event_loop_has_connections_of_its_own(store: RemoteStore) -> None:
    """An app may be served by one loop after the other, and its tests mostly are."""

    async def one() -> Outcome:
        outcome = await _claim(store, name)
        for loop in list(store._loops.values()):
            await loop._client.aclose()
        return outcome

    name = key()
    assert asyncio.run(one()) is Outcome.NEW
    assert asyncio.run(one()) is Outcome.SEEN


def test_all_who_wait_for_a_server_that_hangs_are_told_at_once(valkey: Valkey) -> None:
    store = opened(valkey, timeout=0.05, never_cold=True)

    async def wait() -> tuple[float, set[type]]:
        await _claim(store, key())
        valkey.hang()
        began = time.perf_counter()
        results = await asyncio.gather(*[_claim(store, key()) for _ in range(200)], return_exceptions=True)
        waited = time.perf_counter() - began
        valkey.go_on()
        await closed(store)
        return waited, {type(result) for result in results}

    waited, kinds = asyncio.run(wait())
    assert kinds == {StoreError}
    assert waited < 2  # not 200 x 50 ms


def test_the_loop_goes_on_while_the_server_hangs(valkey: Valkey) -> None:
    store = opened(valkey, timeout=0.3, never_cold=True)

    async def tick() -> int:
        await _claim(store, key())
        valkey.hang()
        waiting, ticks = asyncio.create_task(_claim(store, key())), 0
        while not waiting.done():
            await asyncio.sleep(0)
            ticks += 1
        with contextlib.suppress(StoreError):
            await waiting
        valkey.go_on()
        await closed(store)
        return ticks

    assert asyncio.run(tick()) > 100


def test_a_wrong_call_is_an_error_of_the_program(store: RemoteStore) -> None:
    with pytest.raises(ValueError, match="at most 150"):
        store.claim(key(), OWNER, 1000.0, None, 0.0)
    with pytest.raises(ValueError, match="at most 150"):
        asyncio.run(store.claim_async(key(), OWNER, 1000.0, None, 0.0))


def test_the_state_is_asked_for_where_it_is_a_second_old(valkey: Valkey, store: RemoteStore) -> None:
    async def refresh() -> tuple[bytes, bytes]:
        epoch = (await store.refresh_async()).epoch
        calls = _calls(valkey)
        assert (await store.refresh_async()).epoch == epoch
        assert _calls(valkey) == calls
        valkey.ask("FLUSHALL")
        store._shards[0]._heard -= 1.1
        return epoch, (await store.refresh_async()).epoch

    async def both() -> tuple[bytes, bytes]:
        try:
            return await refresh()
        finally:
            await closed(store)

    before, after = asyncio.run(both())
    assert before != after
