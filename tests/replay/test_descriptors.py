"""Locks hold although POSIX loses them with any descriptor, and although somebody may close ours."""

from __future__ import annotations

import os
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome
from mfa_middleware.replay.files import open_file
from mfa_middleware.replay.shared import SharedStore
from tests.replay.clocks import HandClock
from tests.replay.racing import run_in_child
from tests.replay.using import Opener, key, plain


def _descriptor(store: Any) -> int:
    descriptor: int = store._table.locks.descriptor
    return descriptor


def test_stores_of_one_file_share_one_table_and_one_descriptor(shared: Opener) -> None:
    one: Any = shared()
    before = set(os.listdir("/proc/self/fd"))
    other: Any = shared()
    assert other._table is one._table
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_store_that_is_opened_and_closed_leaves_no_descriptor(tmp_path: Path, clock: HandClock) -> None:
    before = set(os.listdir("/proc/self/fd"))
    store = SharedStore(app="a", capacity=100, quota=100, directory=tmp_path, clock=clock)
    store.close()
    assert set(os.listdir("/proc/self/fd")) == before


def _is_locked(path: Path, byte: int) -> bool:
    import fcntl

    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError:
            return True
        return False


def test_opening_and_closing_another_store_of_the_file_keeps_a_lock_that_is_held(shared: Opener) -> None:
    one: Any = shared()
    one._table.locks.take(0, 0)
    shared().close()
    assert run_in_child(get_context("fork"), _is_locked, one.path, 1)
    one._table.locks.give(0)
    assert not run_in_child(get_context("fork"), _is_locked, one.path, 1)


def test_a_descriptor_that_somebody_closed_is_opened_again(shared: Opener, clock: HandClock) -> None:
    store: Any = shared(never_cold=True)
    name = key()
    assert plain(store, clock, name) is Outcome.NEW
    os.close(_descriptor(store))
    assert plain(store, clock, name) is Outcome.SEEN
    os.close(_descriptor(store))
    assert store.state() == store.state()


def test_a_descriptor_that_became_that_of_another_file_is_left_alone(
    shared: Opener, clock: HandClock, tmp_path: Path
) -> None:
    store: Any = shared(never_cold=True)
    name, taken = key(), _descriptor(store)
    assert plain(store, clock, name) is Outcome.NEW
    os.close(taken)
    theirs = os.open(tmp_path / "theirs", os.O_RDWR | os.O_CREAT, 0o600)
    if theirs != taken:
        os.dup2(theirs, taken)
        os.close(theirs)
    assert plain(store, clock, name) is Outcome.SEEN
    assert _descriptor(store) != taken
    store.close()
    assert os.fstat(taken).st_ino == (tmp_path / "theirs").stat().st_ino
    os.close(taken)


def test_a_file_that_was_moved_away_is_left_within_half_a_second(shared: Opener, clock: HandClock) -> None:
    store: Any = shared()
    clock.advance(30)
    name = key()
    assert plain(store, clock, name) is Outcome.NEW
    store.path.rename(store.path.with_name("elsewhere"))
    clock.advance(0.5)
    assert plain(store, clock, name) is Outcome.COLD
    assert store.path.exists()


def test_a_file_that_loses_its_name_while_it_is_opened_is_left(
    shared: Opener, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = "mfa_middleware.replay.filetable.open_file"

    def opened_and_lost(path: Path, *given: Any) -> Any:
        file = open_file(path, *given)
        path.unlink()
        monkeypatch.setattr(where, open_file)
        return file

    monkeypatch.setattr(where, opened_and_lost)
    store: Any = shared(never_cold=True)
    name = key()
    assert plain(store, clock, name) is Outcome.NEW
    assert store._table.identity[1] == store.path.stat().st_ino
    other: Any = shared(never_cold=True)
    assert plain(other, clock, name) is Outcome.SEEN


def test_another_link_or_group_of_the_file_changes_nothing(shared: Opener, clock: HandClock) -> None:
    store: Any = shared(never_cold=True)
    name, state = key(), store.state()
    assert plain(store, clock, name) is Outcome.NEW
    os.link(store.path, store.path.with_name("another link"))
    assert plain(store, clock, name) is Outcome.SEEN
    store.path.with_name("another link").unlink()
    assert plain(store, clock, name) is Outcome.SEEN
    assert store.state() == state


def test_a_file_that_is_cut_short_under_a_running_store_is_an_error(shared: Opener, clock: HandClock) -> None:
    store: Any = shared(never_cold=True)
    os.truncate(store.path, 4096)
    with pytest.raises(StoreError, match="size was changed: remove it"):
        plain(store, clock, key())
    store.path.unlink()
    assert plain(store, clock, key()) is Outcome.NEW


def test_a_store_that_another_thread_closes_or_replaces_answers_or_says_that_it_is_closed(
    shared: Opener, clock: HandClock
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    store: Any = shared(never_cold=True)

    def use(number: int) -> set[str]:
        answers = set()
        for count in range(150):
            if number == 0:
                store.path.unlink(missing_ok=True)
            try:
                answers.add(plain(store, clock, f"{number} {count}".encode()).value)
                store.state()
            except StoreError as error:
                answers.add(str(error))
        return answers

    with ThreadPoolExecutor(4) as pool:
        answers = set().union(*pool.map(use, range(4)))
    assert answers <= {"new", "the replay store was replaced, or its clock set, again and again during one claim"}
    assert "new" in answers
