"""A lock that another process holds is waited for, for a bounded time, and is then held."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from mfa_middleware.replay import filelocks
from mfa_middleware.replay.filelocks import GONE, FileLocks, lock_byte
from tests.replay.racing import run_in_child

_FORK = get_context("fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "locked").write_bytes(bytes(100))
    return tmp_path / "locked"


@pytest.fixture
def locks(path: Path) -> Iterator[FileLocks]:
    descriptor = os.open(path, os.O_RDWR)
    yield FileLocks(4, descriptor)
    os.close(descriptor)


def _is_free(path: Path, index: int) -> bool:
    """Whether another process could take the lock."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        return lock_byte(descriptor, fcntl.LOCK_EX, 1 + index)
    finally:
        os.close(descriptor)


def _hold(path: Path, held: object, go: object) -> None:
    other = FileLocks(4, os.open(path, os.O_RDWR))
    assert other.take(2, 0)
    held.set()  # type: ignore[attr-defined]
    go.wait(20)  # type: ignore[attr-defined]


class TestAnotherProcess:
    def test_its_lock_is_waited_for_and_then_held(self, path: Path, locks: FileLocks) -> None:
        held, go = _FORK.Event(), _FORK.Event()
        child = _FORK.Process(target=_hold, args=(path, held, go))
        child.start()
        assert held.wait(20)
        assert locks.take(2, 0) is False
        threading.Timer(0.05, go.set).start()
        assert locks.take(2, 20) is True
        child.join(20)
        assert run_in_child(_FORK, _is_free, path, 2) is False
        locks.give(2)
        assert run_in_child(_FORK, _is_free, path, 2) is True

    def test_it_gets_no_lock_but_the_one_that_was_given_back(self, path: Path, locks: FileLocks) -> None:
        assert [locks.take(index, 0) for index in range(4)] == [True] * 4
        locks.give(1)
        assert [run_in_child(_FORK, _is_free, path, index) for index in range(4)] == [False, True, False, False]

    def test_it_is_waited_for_no_longer_than_said(self, path: Path, locks: FileLocks) -> None:
        held, go = _FORK.Event(), _FORK.Event()
        child = _FORK.Process(target=_hold, args=(path, held, go))
        child.start()
        assert held.wait(20)
        before, busy = time.monotonic(), time.thread_time()
        assert locks.take(2, 0.2) is False
        assert 0.2 <= time.monotonic() - before < 10
        assert time.thread_time() - busy < 0.1, "who waits leaves the processor to others"
        assert locks.take(1, 0) is True, "the others are free"
        go.set()
        child.join(20)
        assert locks.take(2, 0) is True, "a try that failed keeps nothing"


@pytest.mark.parametrize("tries", [1, 2, 8, 9, 12])
def test_a_lock_that_becomes_free_after_some_tries_is_held(
    locks: FileLocks, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    left = iter([False] * (tries - 1))

    def taken(*_: object) -> None:
        raise OSError(errno.EAGAIN, "taken")

    monkeypatch.setattr(filelocks, "_lockf", taken)
    monkeypatch.setattr(filelocks, "lock_byte", lambda *_: next(left, True))
    assert locks.take(0, 20) is True
    assert locks.take(0, 0) is False, "a thread of this process has it"


def test_a_file_that_cannot_be_locked_is_an_error_and_keeps_no_thread_out(
    locks: FileLocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    with monkeypatch.context() as patched:
        patched.setattr(filelocks, "_lockf", broken)
        with pytest.raises(OSError, match="no locks"):
            locks.take(0, 0)
    assert locks.take(0, 0) is True


def test_a_byte_that_cannot_be_locked_is_not_taken_for_locked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    os.close(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        lock_byte(descriptor, fcntl.LOCK_EX, 0)


def test_a_file_that_is_gone_has_no_locks(locks: FileLocks) -> None:
    descriptor = locks.retire(1)
    assert os.fstat(descriptor)
    assert locks.descriptor == GONE
    assert locks.take(0, 0) is False
