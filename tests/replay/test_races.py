"""Exactly one winner among threads and processes; and a store that only seems atomic is caught."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mfa_middleware.replay import Outcome, ReplayStore
from mfa_middleware.replay.memory import MemoryStore
from mfa_middleware.replay.shared import SharedStore
from tests.replay.racing import winners, winners_over_forks, winners_over_processes


def _once_each(keys: int) -> dict[int, int]:
    return dict.fromkeys(range(keys), 1)


def test_one_thread_wins_each_key_in_memory() -> None:
    store = MemoryStore(capacity=100_000, quota=100_000, never_cold=True)
    assert winners([store], threads=16, keys=1_000) == _once_each(1_000)


def test_one_thread_wins_each_key_over_two_stores_of_the_same_file(tmp_path: Path) -> None:
    stores: list[ReplayStore] = [
        SharedStore(app="race", directory=tmp_path, capacity=100_000, quota=100_000, never_cold=True) for _ in range(2)
    ]
    assert winners(stores, threads=16, keys=1_000) == _once_each(1_000)
    for store in stores:
        store.close()


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_one_process_wins_each_key(tmp_path: Path, method: str) -> None:
    assert winners_over_processes(tmp_path, method, processes=4, threads=8, keys=2_000) == _once_each(2_000)


def test_one_process_wins_each_key_of_a_store_that_was_opened_before_the_fork(tmp_path: Path) -> None:
    store = SharedStore(app="race", directory=tmp_path, capacity=100_000, quota=100_000, never_cold=True)
    assert winners_over_forks(store, processes=4, threads=8, keys=1_000) == _once_each(1_000)
    store.close()


class _FindThenAdd:
    """The bug of others: look whether the key is there, then add it."""

    scheme, blocking, shared_by = "bad", False, "process"

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def claim(self, key: bytes, *_: object) -> Outcome:
        if key in self._seen:
            return Outcome.SEEN
        time.sleep(0)  # the round trip to a database that stands between the two
        self._seen.add(key)
        return Outcome.NEW


def test_the_race_catches_a_store_that_finds_and_then_adds() -> None:
    won = winners([_FindThenAdd()], threads=16, keys=1_000)  # type: ignore[list-item]
    assert won != _once_each(1_000)
