"""A worker that is killed in the middle of a write costs nobody a live entry, and lets no proof in twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.replay import Outcome, owners
from mfa_middleware.replay.era import Era
from mfa_middleware.replay.header import write_era
from mfa_middleware.replay.shared import SharedStore
from tests.replay.clocks import HandClock
from tests.replay.using import OWNER, key, nonced


class _Deadly:
    """Stands for the words of a table; the process dies as one is to be written."""

    def __init__(self, words: Any, index: Callable[[int], bool]) -> None:
        self._words, self._index = words, index

    def __getitem__(self, index: int) -> Any:
        return self._words[index]

    def __setitem__(self, index: int, value: int) -> None:
        if self._index(index):
            os.kill(os.getpid(), signal.SIGKILL)
        self._words[index] = value


def _die(work: Callable[[], object]) -> None:
    child = get_context("fork").Process(target=work)
    child.start()
    child.join(20)
    assert child.exitcode == -signal.SIGKILL


def _open(directory: Path, clock: HandClock, quota: int = 1000) -> SharedStore:
    return SharedStore(app="torn", capacity=50, quota=quota, directory=directory, clock=clock)


def _bucket_word(store: Any) -> Callable[[int], bool]:
    start = store._table.geometry.buckets_at // 4
    return lambda index: index >= start


def test_death_before_the_date_is_written_leaves_the_key_unused_and_all_others_live(
    tmp_path: Path, clock: HandClock
) -> None:
    store = _open(tmp_path, clock)
    for _ in range(45):
        nonced(store, clock, key())
    clock.advance(140)
    live = [key() for _ in range(30)]
    assert {nonced(store, clock, name) for name in live} == {Outcome.NEW}
    victims = [key() for _ in range(3)]

    for victim in victims:

        def work(victim: bytes = victim) -> None:
            mine: Any = _open(tmp_path, clock)
            mine._table._words = _Deadly(mine._table._words, _bucket_word(mine))
            nonced(mine, clock, victim)

        _die(work)
    assert {nonced(store, clock, name) for name in live} == {Outcome.SEEN}
    assert [nonced(store, clock, name) for name in victims] == [Outcome.NEW] * 3
    assert [nonced(store, clock, name) for name in victims] == [Outcome.SEEN] * 3
    store.close()


def test_death_after_the_write_leaves_the_key_used(tmp_path: Path, clock: HandClock) -> None:
    store, name = _open(tmp_path, clock), key()

    def work() -> None:
        mine: Any = _open(tmp_path, clock)
        put = mine._table.put
        mine._table.put = lambda *given: (put(*given), os.kill(os.getpid(), signal.SIGKILL))
        nonced(mine, clock, name)

    _die(work)
    assert nonced(store, clock, name) is Outcome.SEEN
    store.close()


def test_death_in_a_quota_errs_on_the_high_side_and_recovers(tmp_path: Path, clock: HandClock) -> None:
    store, quota = _open(tmp_path, clock, quota=5), 5
    assert nonced(store, clock, key()) is Outcome.NEW

    def work() -> None:
        mine: Any = _open(tmp_path, clock, quota=5)
        mine._table.put = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        nonced(mine, clock, key())

    _die(work)
    outcomes = [nonced(store, clock, key()) for _ in range(6)]
    assert outcomes.count(Outcome.NEW) == quota - 2
    clock.advance(2 * owners.WINDOW_SECONDS)
    assert [nonced(store, clock, key()) for _ in range(5)] == [Outcome.NEW] * 5
    store.close()


def test_death_in_a_new_era_leaves_the_old_one(tmp_path: Path, clock: HandClock) -> None:
    store = _open(tmp_path, clock)
    state = store.state()

    def work() -> None:
        mine: Any = _open(tmp_path, clock)
        table = mine._table
        write_era(table._buffer, _Deadly(table._words, lambda _: True), Era.first(clock, b"b" * 16))  # type: ignore[arg-type]

    _die(work)
    assert store.state() == state
    clock.step(3600)
    assert store.state().epoch != state.epoch
    assert nonced(store, clock, key()) is Outcome.NEW
    store.close()


@pytest.mark.parametrize("reading", range(1, 4))
def test_death_at_any_reading_of_the_clock_frees_the_lock(tmp_path: Path, clock: HandClock, reading: int) -> None:
    store, name = _open(tmp_path, clock), key()
    epoch = store.state().epoch

    def work() -> None:
        deadly, readings = HandClock(), iter(range(1, 100))
        mine = _open(tmp_path, deadly)

        def wall() -> float:
            if next(readings) == reading:
                os.kill(os.getpid(), signal.SIGKILL)
            return deadly.now

        deadly.wall = wall  # type: ignore[method-assign]
        for _ in range(5):
            mine.claim(name, OWNER, 90.0, epoch, deadly.now + 60)

    _die(work)
    outcome = nonced(store, clock, name)
    assert outcome is (Outcome.NEW if reading == 1 else Outcome.SEEN)
    store.close()
