"""`memory:` refuses to serve an app that another process serves too."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import signal
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay import Outcome, ReplayStore, open_store, solitary
from mfa_middleware.replay.files import store_path
from tests.replay.racing import run_in_child
from tests.replay.using import key


@pytest.fixture
def app() -> Any:
    name = f"alone-{os.getpid()}-{time.monotonic_ns()}"
    yield name
    for one in (name, name + "-2"):
        store_path(one).with_suffix(".memory").unlink(missing_ok=True)


def _open(app: str, *, alone: bool = True) -> ReplayStore:
    return open_store("memory:", capacity=1000, quota=1000, app=app, never_cold=True, alone=alone)


def _claim(store: ReplayStore) -> Outcome | str:
    try:
        return store.claim(key(), b"o" * 16, 90.0, None, time.time() + 60)
    except StoreError as error:
        return str(error)


def _start(app: str, alone: bool) -> str:
    try:
        return str(_claim(_open(app, alone=alone)))
    except ConfigurationError as error:
        return str(error)


def test_a_second_process_does_not_start_and_is_told_what_to_write(app: str) -> None:
    store = _open(app)
    told = run_in_child(get_context("spawn"), _start, app, True)
    assert "MFA_REPLAY_STORE=shared:" in told
    assert "MFA_APP=" in told
    assert repr(app) in told
    assert "\n" not in told
    assert _claim(store) is Outcome.NEW


def test_another_app_and_a_mode_that_refuses_nothing_start(app: str) -> None:
    store = _open(app)
    assert run_in_child(get_context("spawn"), _start, app + "-2", True) == "Outcome.NEW"
    assert run_in_child(get_context("spawn"), _start, app, False) == "Outcome.NEW"
    store.close()


def test_one_process_may_open_it_twice_and_again_after_another_has_ended(app: str) -> None:
    assert run_in_child(get_context("spawn"), _start, app, True) == "Outcome.NEW"
    assert [_claim(_open(app)), _claim(_open(app))] == [Outcome.NEW] * 2


def test_an_app_is_free_again_once_its_last_store_is_closed(app: str) -> None:
    first, second = _open(app), _open(app)
    first.close()
    first.close()
    assert "MFA_REPLAY_STORE=shared:" in run_in_child(get_context("spawn"), _start, app, True)
    second.close()
    assert run_in_child(get_context("spawn"), _start, app, True) == "Outcome.NEW"


def test_the_child_of_a_fork_accepts_nothing_while_its_parent_lives(app: str) -> None:
    store = _open(app)
    assert "MFA_REPLAY_STORE=shared:" in run_in_child(get_context("fork"), _claim, store)
    assert _claim(store) is Outcome.NEW


def _open_and_end(app: str, work: Callable[[ReplayStore], object]) -> None:
    """A process opens the store, and ends; its child, which lives on, does the work."""
    parent = os.fork()
    if parent == 0:
        signal.alarm(20)
        try:
            store = _open(app)
            if os.fork() == 0:
                signal.alarm(20)
                work(store)
        finally:
            os._exit(0)
    os.waitpid(parent, 0)


def test_a_child_whose_parent_has_ended_serves_alone(app: str) -> None:
    (answer, tell), (begun, begin) = os.pipe(), os.pipe()

    def serve(store: ReplayStore) -> None:
        os.read(begun, 1)
        os.write(tell, str(_claim(store)).encode())

    _open_and_end(app, serve)
    os.write(begin, b"!")
    assert os.read(answer, 1000) == b"Outcome.NEW"
    for descriptor in (answer, tell, begun, begin):
        os.close(descriptor)


def test_a_child_that_serves_nothing_does_not_keep_the_app_of_a_parent_that_has_ended(app: str) -> None:
    begun, begin = os.pipe()
    _open_and_end(app, lambda _: os.read(begun, 1))
    try:
        assert run_in_child(get_context("spawn"), _start, app, True) == "Outcome.NEW"
    finally:
        os.write(begin, b"!")
        os.close(begun)
        os.close(begin)


def test_a_fork_while_a_thread_opens_a_store_does_not_stop_the_child(app: str) -> None:
    with solitary._HOLDS.lock:
        assert run_in_child(get_context("fork"), _start, app, True) == "Outcome.NEW"


def test_a_store_that_could_not_be_opened_holds_nothing(app: str) -> None:
    with pytest.raises(ConfigurationError, match="capacity"):
        open_store("memory:", capacity=10**9, quota=1, app=app, alone=True)
    assert run_in_child(get_context("spawn"), _start, app, True) == "Outcome.NEW"


def test_a_descriptor_that_became_that_of_another_file_is_left_alone(app: str, tmp_path: Path) -> None:
    store, taken = _open(app), solitary._HOLDS.held[store_path(app).with_suffix(".memory")].descriptor
    os.close(taken)
    with (tmp_path / "theirs").open("wb") as theirs:
        assert theirs.fileno() == taken
        store.close()
        theirs.write(b"still open")


def _linked(path: Path) -> None:
    path.symlink_to("elsewhere")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("harm", [_linked, _folder])
def test_a_name_that_something_else_has_stops_the_start(tmp_path: Path, harm: Any) -> None:
    path = store_path("app", tmp_path).with_suffix(".memory")
    harm(path)
    with pytest.raises(ConfigurationError, match="remove it, or set MFA_APP") as error:
        solitary.stay_alone("app", tmp_path)
    assert str(path) in str(error.value)
    assert ("Is a directory" if harm is _folder else "symbolic links") in str(error.value)


def test_the_file_that_is_held_belongs_to_its_user_alone(tmp_path: Path) -> None:
    solitary.stay_alone("app", tmp_path)
    path = store_path("app", tmp_path).with_suffix(".memory")
    assert path.stat().st_mode & 0o777 == 0o600
    solitary.leave("app", tmp_path)
    assert path not in solitary._HOLDS.held


def test_a_file_that_cannot_be_locked_stops_the_start_and_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ConfigurationError, match="No locks available: remove it, or set MFA_APP") as error:
        solitary.stay_alone("app", tmp_path)
    assert str(store_path("app", tmp_path).with_suffix(".memory")) in str(error.value)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_stops_the_start(tmp_path: Path) -> None:
    path = store_path("app", tmp_path).with_suffix(".memory")
    path.touch()
    os.chown(path, 65534, 65534)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(ConfigurationError, match=f"{path}: it belongs to user 65534"):
        solitary.stay_alone("app", tmp_path)
    assert os.listdir("/proc/self/fd") == before
