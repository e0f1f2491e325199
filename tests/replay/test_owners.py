"""The share of an owner in a store that is nearly full is counted to the last entry, behind a lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mfa_middleware.replay import Outcome
from mfa_middleware.replay.base import WINDOW_SECONDS
from mfa_middleware.replay.memory import MemoryStore
from mfa_middleware.replay.owners import OWNER_LOCKS
from tests.replay.clocks import HandClock
from tests.replay.using import Opener, key, nonced

ONE, OTHER = b"one owner       ", b"another owner   "


@pytest.fixture
def table(clock: HandClock) -> Iterator[Any]:
    store = MemoryStore(capacity=100, quota=100, clock=clock)
    yield store._table
    store.close()


@pytest.mark.parametrize("share", [1, 2, 7])
def test_a_share_is_reached_and_not_exceeded(table: Any, share: int) -> None:
    taken = [table.owners.take_one(ONE, share, 0.0, 0.0, counts=True) for _ in range(share + 2)]
    assert taken == [True] * share + [False] * 2
    assert table.owners.take_one(OTHER, share, 0.0, 0.0, counts=True) is True


def test_who_only_asks_is_told_and_not_counted(table: Any) -> None:
    assert [table.owners.take_one(ONE, 1, 0.0, 0.0, counts=False) for _ in range(3)] == [True] * 3
    assert table.owners.take_one(ONE, 1, 0.0, 0.0, counts=True) is True
    assert table.owners.take_one(ONE, 1, 0.0, 0.0, counts=False) is False


def test_a_smaller_share_counts_what_was_taken_of_a_larger_one(table: Any) -> None:
    for _ in range(5):
        assert table.owners.take(ONE, 100, 0.0, 0.0) is True
    assert table.owners.take_one(ONE, 5, 0.0, 0.0, counts=True) is False
    assert table.owners.take_one(ONE, 6, 0.0, 0.0, counts=True) is True


def test_two_windows_count(table: Any) -> None:
    assert table.owners.take_one(ONE, 1, 0.0, 0.0, counts=True) is True
    assert table.owners.take_one(ONE, 1, WINDOW_SECONDS, 0.0, counts=True) is False
    assert table.owners.take_one(ONE, 1, 2 * WINDOW_SECONDS, 0.0, counts=True) is True


def test_a_worker_that_is_late_by_a_window_counts_in_the_one_that_another_has_begun(table: Any) -> None:
    assert table.owners.take_one(ONE, 3, WINDOW_SECONDS, 0.0, counts=True) is True
    assert table.owners.take_one(ONE, 3, 0.0, 0.0, counts=True) is True
    assert table.owners.take_one(ONE, 3, WINDOW_SECONDS, 0.0, counts=True) is True
    assert table.owners.take_one(ONE, 3, WINDOW_SECONDS, 0.0, counts=True) is False


def test_more_busy_owners_than_are_remembered_are_all_served(clock: HandClock) -> None:
    store: Any = MemoryStore(capacity=1_000_000, quota=1_000_000, clock=clock)
    for window in range(2):
        for number in range(4_200):
            assert store._table.owners.take(b"%16d" % number, 1_000_000, window * WINDOW_SECONDS, 0.0) is True
    store.close()


def test_counts_are_kept_on_their_shelves_and_nowhere_else(table: Any) -> None:
    geometry, buffer = table.geometry, table._buffer
    before, after = buffer[: geometry.shelves_at], buffer[geometry.buckets_at :]
    for number in range(40 * geometry.shelves):
        assert table.owners.take(b"%16d" % number, 50, 0.0, 0.0) is not None
    assert buffer[: geometry.shelves_at] == before
    assert buffer[geometry.buckets_at :] == after


def test_an_owner_is_known_where_his_row_begins_and_nowhere_else(table: Any) -> None:
    shelf = table.geometry.shelves_at
    for row, tag in ((0, b"aaaaaaaabbbbbbbb"), (1, b"ccccccccdddddddd"), (5, b"bbbbbbbbcccccccc")):
        table._buffer[shelf + row * 16 : shelf + row * 16 + 16] = tag
    rows = [table.owners._row(shelf, tag, 0) for tag in (b"aaaaaaaabbbbbbbb", b"ccccccccdddddddd", b"bbbbbbbbcccccccc")]
    assert [row - rows[0] for row in rows] == [0, 1, 5]


def test_nobody_outside_can_tell_where_an_owner_or_a_key_lies(clock: HandClock) -> None:
    stores: list[Any] = [MemoryStore(capacity=10_000, quota=100, clock=clock) for _ in range(2)]
    tables = [store._table for store in stores]
    names = [key() for _ in range(50)]
    assert not {table.spot(name)[3] for table in tables[:1] for name in names} & {
        tables[1].spot(name)[3] for name in names
    }
    shelves = []
    for each in tables:
        assert each.owners.take(ONE, 100, 0.0, 0.0) is True
        shelf = each._buffer[each.geometry.shelves_at : each.geometry.buckets_at]
        shelves.append(shelf.strip(bytes(1))[:16])
    assert shelves[0] != shelves[1]
    for store in stores:
        store.close()


@pytest.mark.parametrize("capacity", [1, 50, 3300, 100_000])
def test_a_key_has_two_places_to_lie(clock: HandClock, capacity: int) -> None:
    store: Any = MemoryStore(capacity=capacity, quota=1, clock=clock)
    spots = [store._table.spot(key()) for _ in range(1000)]
    assert all(first != second for _, first, second, _ in spots)
    store.close()


def _pressed(opened: Opener, clock: HandClock, quota: int) -> Any:
    """A store with so many entries of others that owners must share, and that is not full."""
    store: Any = opened(capacity=100, quota=quota)
    for number in range(1000):
        name = key()
        live = store._table.room(store._table.spot(name), int(clock.wall() / 2))[0]
        if live >= store._table.pressed + 2:
            return store
        nonced(store, clock, name, owner=b"%16d" % number)
    raise AssertionError("the store was never under pressure")


def _free(store: Any) -> bytes:
    """A key that would lie where the store is under pressure."""
    while True:
        name = key()
        live = store._table.room(store._table.spot(name), int(store._clock.wall() / 2))[0]
        if store._table.pressed < live < store._table.limit - 1:
            return name


def test_no_pressure_gives_an_owner_more_than_its_quota(opened: Opener, clock: HandClock) -> None:
    store = _pressed(opened, clock, quota=1)
    assert [nonced(store, clock, _free(store)) for _ in range(2)] == [Outcome.NEW, Outcome.QUOTA]


def test_a_share_that_another_counts_is_waited_for(opened: Opener, clock: HandClock) -> None:
    store = _pressed(opened, clock, quota=50)
    locks = range(store._table.geometry.stripes, store._table.geometry.stripes + OWNER_LOCKS)
    for lock in locks:
        assert store._table.locks.take(lock, 0)
    giving = threading.Timer(0.05, lambda: [store._table.locks.give(lock) for lock in locks])
    giving.start()
    assert nonced(store, clock, _free(store)) is Outcome.NEW
    giving.join()


@pytest.mark.parametrize("whole", [True, False])
def test_a_count_that_another_has_is_waited_for_as_long_as_said(table: Any, whole: bool) -> None:
    locks = range(table.geometry.stripes, table.geometry.stripes + OWNER_LOCKS)

    def take(wait: float) -> bool | None:
        answer: bool | None = (
            table.owners.take(ONE, 10, 0.0, wait) if whole else table.owners.take_one(ONE, 10, 0.0, wait, counts=True)
        )
        return answer

    for lock in locks:
        assert table.locks.take(lock, 0)
    assert take(0.0) is None
    giving = threading.Timer(0.05, lambda: [table.locks.give(lock) for lock in locks])
    giving.start()
    assert take(20.0) is True
    giving.join()
