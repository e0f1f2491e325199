"""The file of a shared store: trusted only when it is ours, whole, and under its name."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay import Outcome, files
from mfa_middleware.replay.filelocks import PRESENCE, lock_byte
from mfa_middleware.replay.files import store_path
from mfa_middleware.replay.shared import SharedStore
from tests.replay.clocks import HandClock
from tests.replay.racing import run_in_child
from tests.replay.using import Opener, key, nonced, plain

_FORK = get_context("fork")


def _open(directory: Path, **options: Any) -> SharedStore:
    given = {"app": "app", "capacity": 1000, "quota": 1000, "directory": directory, "never_cold": True, **options}
    return SharedStore(**given)


def _descriptors() -> int:
    gc.collect()  # what earlier tests left is not counted
    return len(os.listdir("/proc/self/fd"))


def _claim(store: SharedStore, name: bytes) -> Outcome:
    return store.claim(name, b"o" * 16, 90.0, None, time.time() + 60)


def test_the_file_belongs_to_its_user_alone(tmp_path: Path) -> None:
    store = _open(tmp_path)
    status = store.path.stat()
    assert (status.st_uid, status.st_mode & 0o777) == (os.geteuid(), 0o600)
    assert [path.name for path in tmp_path.iterdir()] == [store.path.name]
    store.close()


def test_entries_live_on_when_every_process_has_ended(tmp_path: Path) -> None:
    store, name = _open(tmp_path), key()
    assert _claim(store, name) is Outcome.NEW
    state = store.state()
    store.close()
    again = _open(tmp_path)
    assert _claim(again, name) is Outcome.SEEN
    assert again.state() == state
    again.close()


def test_two_apps_do_not_mix(tmp_path: Path) -> None:
    one, other, name = _open(tmp_path), _open(tmp_path, app="other"), key()
    assert _claim(one, name) is Outcome.NEW
    assert _claim(other, name) is Outcome.NEW
    assert one.state() != other.state()
    one.close()
    other.close()


def test_closing_one_of_two_stores_of_a_file_leaves_the_other_its_locks(tmp_path: Path) -> None:
    one, other, name = _open(tmp_path), _open(tmp_path), key()
    one.close()
    assert _claim(other, name) is Outcome.NEW
    assert run_in_child(get_context("spawn"), _claim_elsewhere, tmp_path, name) is Outcome.SEEN
    other.close()


def _claim_elsewhere(directory: Path, name: bytes) -> Outcome:
    store = _open(directory)
    try:
        return _claim(store, name)
    finally:
        store.close()


def test_a_deleted_file_is_left_for_a_new_one_that_is_cold(shared: Opener, clock: HandClock) -> None:
    store: Any = shared()
    clock.advance(30)
    name = key()
    assert plain(store, clock, name) is Outcome.NEW
    epoch = store.state().epoch
    store.path.unlink()
    assert plain(store, clock, name) is Outcome.COLD
    assert nonced(store, clock, key(), epoch=epoch) is Outcome.COLD
    assert nonced(store, clock, key()) is Outcome.NEW
    other = shared()
    assert other.state() == store.state()


def test_a_file_that_another_takes_the_place_of_is_left(shared: Opener, clock: HandClock) -> None:
    store: Any = shared()
    fresh: Any = shared(app="fresh")
    clock.advance(30)
    name = key()
    assert plain(store, clock, name) is Outcome.NEW
    fresh.path.rename(store.path)
    clock.advance(1)
    assert store.state() == fresh.state()
    assert plain(store, clock, name, issued=clock.wall() - 31) is Outcome.COLD


def _foreign(path: Path) -> None:
    path.write_bytes(b"something else" * 1000)
    path.chmod(0o600)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(30)
        file.write(b"\xff" * 16)


def _readable(path: Path) -> None:
    path.chmod(0o644)


def _linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (_foreign, "it is not a replay store"),
        (_cut, "it is damaged"),
        (_damaged, "it is damaged"),
        (_readable, "its mode is 0644, not 0600"),
        (_linked, "it is not a regular file"),
        (_folder, "it is not a regular file"),
        (_fifo, "it is not a regular file"),
        (_socket, "it is not a regular file"),
    ],
)
def test_a_file_that_cannot_be_trusted_stops_the_start(tmp_path: Path, harm: Any, fault: str) -> None:
    store = _open(tmp_path)
    path = store.path
    store.close()
    harm(path)
    before = _descriptors()
    with pytest.raises(ConfigurationError) as error:
        _open(tmp_path)
    assert _descriptors() <= before
    text = str(error.value)
    assert f"{path}: {fault}" in text
    assert "remove it" in text
    assert "\n" not in text


@pytest.mark.parametrize("harm", [_linked, _fifo])
def test_what_takes_the_place_of_the_file_while_it_is_looked_at_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Any
) -> None:
    store = _open(tmp_path)
    path, honest = store.path, store.path.lstat()
    store.close()
    harm(path)
    monkeypatch.setattr(Path, "lstat", lambda _: honest)
    with pytest.raises(ConfigurationError) as error:
        _open(tmp_path)
    assert str(path) in str(error.value)
    assert ("not a regular file" if harm is _fifo else "symbolic links") in str(error.value)


def _keep_for_itself(path: Path, held: Any, go: Any) -> None:
    with path.open("r+b") as file:
        held.set() if lock_byte(file.fileno(), fcntl.LOCK_EX, PRESENCE) else None
        go.wait(20)


def test_a_file_that_another_process_keeps_for_itself_stops_the_start_in_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PRESENCE_SECONDS", 0.1)
    store = _open(tmp_path)
    path = store.path
    store.close()
    held, go = _FORK.Event(), _FORK.Event()
    child = _FORK.Process(target=_keep_for_itself, args=(path, held, go))
    child.start()
    assert held.wait(20)
    before = _descriptors()
    with pytest.raises(ConfigurationError) as error:
        _open(tmp_path)
    assert f"{path}: another process does not let go of it: stop that process" in str(error.value)
    assert _descriptors() <= before
    go.set()
    child.join(20)
    _open(tmp_path).close()


def test_a_file_that_another_process_keeps_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    store = _open(tmp_path)
    path = store.path
    store.close()
    held, go = _FORK.Event(), _FORK.Event()
    child = _FORK.Process(target=_keep_for_itself, args=(path, held, go))
    child.start()
    assert held.wait(20)
    threading.Timer(0.05, go.set).start()
    _open(tmp_path).close()
    child.join(20)


@pytest.mark.parametrize("replaced", [True, False])
def test_a_file_that_loses_its_name_while_it_is_opened_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    for app in ("app", "other"):
        _open(tmp_path, app=app).close()
    path, other = (store_path(app, tmp_path) for app in ("app", "other"))
    old, theirs, mark = path.stat().st_ino, other.stat().st_ino, files._is_marked

    def lose_once(descriptor: int) -> bool:
        if path.exists() and path.stat().st_ino == old:
            os.link(path, tmp_path / "kept")  # so that its number is not given to the next file
            other.replace(path) if replaced else path.unlink()
        return mark(descriptor)

    monkeypatch.setattr(files, "_is_marked", lose_once)
    before = _descriptors()
    store = _open(tmp_path)
    assert (path.stat().st_ino == theirs) is replaced
    assert path.stat().st_ino != old
    assert store._table.identity == (path.stat().st_dev, path.stat().st_ino)
    assert _claim(store, key()) is Outcome.NEW
    store.close()
    assert _descriptors() <= before


def test_a_start_that_makes_the_file_anew_leaves_none_open(tmp_path: Path) -> None:
    before = _descriptors()
    for capacity in (1000, 2000, 3000):
        store = _open(tmp_path, capacity=capacity)
        assert store.capacity == capacity
        assert store._table.identity == (store.path.stat().st_dev, store.path.stat().st_ino)
        store.close()
    assert _descriptors() <= before


def test_a_file_that_was_made_anew_is_not_made_anew_under_who_uses_it(tmp_path: Path) -> None:
    _open(tmp_path, capacity=1000).close()
    store = _open(tmp_path, capacity=5000)
    assert run_in_child(get_context("spawn"), _capacity, tmp_path, 1000) == (5000, True)
    assert _claim(store, key()) is Outcome.NEW
    store.close()


def test_a_file_that_another_worker_makes_first_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, name = _open(tmp_path), key()
    assert _claim(store, name) is Outcome.NEW
    state = store.state()
    store.close()
    look, looks = files._open, []
    monkeypatch.setattr(files, "_open", lambda path: look(path) if looks else looks.append("too early"))
    before = _descriptors()
    again = _open(tmp_path)
    assert again.state() == state
    assert _claim(again, name) is Outcome.SEEN
    again.close()
    assert _descriptors() <= before
    assert [path.name for path in tmp_path.iterdir()] == [store.path.name]


def test_a_file_that_loses_its_name_again_and_again_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, mark = store_path("app", tmp_path), files._is_marked
    monkeypatch.setattr(files, "_is_marked", lambda descriptor: path.unlink() or mark(descriptor))
    before = _descriptors()
    with pytest.raises(ConfigurationError) as error:
        _open(tmp_path)
    assert f"{path}: it is replaced again and again: stop what replaces it" in str(error.value)
    assert _descriptors() <= before


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277, 0o777])
def test_no_umask_changes_the_mode_of_the_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store = _open(tmp_path)
    finally:
        os.umask(before)
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert _claim(store, key()) is Outcome.NEW
    store.close()


def test_a_new_file_is_nobody_elses_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes, change = [], os.fchmod
    monkeypatch.setattr(
        os, "fchmod", lambda file, mode: modes.append(os.fstat(file).st_mode & 0o777) or change(file, mode)
    )
    before = os.umask(0)
    try:
        _open(tmp_path).close()
    finally:
        os.umask(before)
    assert modes == [0o600]


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_that_reserves_nothing_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def cannot(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", cannot)
    store = _open(tmp_path)
    assert _claim(store, key()) is Outcome.NEW
    store.close()


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "make room there (docker run --shm-size), or lower MFA_CAPACITY"),
        (errno.EIO, "let this user write there, or choose another store with MFA_REPLAY_STORE"),
    ],
)
def test_a_file_system_without_room_stops_the_start_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, cure: str
) -> None:
    def full(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    before = _descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        with pytest.raises(ConfigurationError) as error:
            _open(tmp_path)
    assert f"{store_path('app', tmp_path)}: {os.strerror(number)}: {cure}" in str(error.value)
    assert _descriptors() <= before
    assert not [*tmp_path.iterdir()]
    _open(tmp_path).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_trusted(tmp_path: Path) -> None:
    store = _open(tmp_path)
    path = store.path
    store.close()
    os.chown(path, 65534, 65534)
    with pytest.raises(ConfigurationError, match=f"{path}: it belongs to user 65534"):
        _open(tmp_path)


def test_a_file_that_goes_bad_under_a_running_store_is_an_error_and_nothing_is_accepted(tmp_path: Path) -> None:
    store = _open(tmp_path)
    store.path.unlink()
    _foreign(store.path)
    with pytest.raises(StoreError, match="not a replay store"):
        _claim(store, key())
    store.path.unlink()
    assert _claim(store, key()) is Outcome.NEW
    store.close()


def test_another_capacity_waits_for_all_processes_to_end(tmp_path: Path) -> None:
    store = _open(tmp_path)
    assert run_in_child(get_context("spawn"), _capacity, tmp_path, 5000) == (1000, True)
    store.close()
    assert run_in_child(get_context("spawn"), _capacity, tmp_path, 5000) == (5000, False)


def _capacity(directory: Path, wanted: int) -> tuple[int, bool]:
    store = _open(directory, capacity=wanted)
    try:
        return store.capacity, store.notice is not None
    finally:
        store.close()


def test_a_store_opened_before_a_fork_works_in_parent_and_child(tmp_path: Path) -> None:
    store, name = _open(tmp_path), key()
    assert _claim(store, name) is Outcome.NEW
    assert run_in_child(_FORK, _claim, store, name) is Outcome.SEEN
    later = key()
    assert run_in_child(_FORK, _claim, store, later) is Outcome.NEW
    assert _claim(store, later) is Outcome.SEEN
    store.close()


def _open_files() -> list[str]:
    descriptors = Path("/proc/self/fd")
    return [os.readlink(one) for one in descriptors.iterdir() if one.is_symlink()]


def test_the_child_of_a_fork_keeps_no_file_of_its_parent(tmp_path: Path) -> None:
    store = _open(tmp_path)
    assert any(str(tmp_path) in name for name in _open_files())
    assert not any(str(tmp_path) in name for name in run_in_child(_FORK, _open_files))
    assert _claim(store, key()) is Outcome.NEW
    store.close()


def test_a_lock_that_a_thread_held_at_the_fork_does_not_stop_the_child(tmp_path: Path) -> None:
    store, name = _open(tmp_path), key()
    table = store._table
    stripe = table.spot(name)[0]
    assert table.locks.take(stripe, 0)
    context = _FORK
    results = context.Queue()
    child = context.Process(target=lambda: results.put(_claim(store, name)))
    child.start()
    time.sleep(0.05)
    table.locks.give(stripe)
    assert results.get(timeout=10) is Outcome.NEW
    child.join(10)
    assert _claim(store, name) is Outcome.SEEN
    store.close()


def test_a_lock_holder_that_is_killed_lets_go(tmp_path: Path) -> None:
    store, name = _open(tmp_path), key()
    held = _FORK.Event()

    def hold() -> None:
        mine = _open(tmp_path)
        mine._table.locks.take(mine._table.spot(name)[0], 0)
        held.set()
        time.sleep(60)

    child = _FORK.Process(target=hold)
    child.start()
    assert held.wait(10)
    assert child.pid is not None
    with pytest.raises(StoreError, match="locked by another worker"):
        _claim(store, name)
    os.kill(child.pid, signal.SIGKILL)
    child.join(10)
    assert _claim(store, name) is Outcome.NEW
    store.close()


def test_workers_that_are_killed_while_they_claim_lose_nothing(tmp_path: Path) -> None:
    store = _open(tmp_path, capacity=100_000, quota=100_000)
    for round_ in range(3):
        told, tell = os.pipe()

        def claim_for_ever(number: int = round_, tell: int = tell) -> None:
            for count in range(100_000):
                name = f"killed {number:>3} {count:>8}".encode()
                if _claim(store, name) is Outcome.NEW:
                    os.write(tell, name + b"\n")

        child = _FORK.Process(target=claim_for_ever)
        child.start()
        accepted = b""
        while len(accepted) < 10_000:
            accepted += os.read(told, 4096)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join(10)
        os.close(tell)
        while more := os.read(told, 65_536):
            accepted += more
        os.close(told)
        names = accepted.splitlines()
        assert {_claim(store, name) for name in names} == {Outcome.SEEN}
    store.close()


def test_where_locks_are_missing_import_works_and_the_start_says_what_to_do() -> None:
    program = """
        import sys
        sys.modules["fcntl"] = None
        from mfa_middleware.errors import ConfigurationError
        from mfa_middleware.replay import open_store
        try:
            open_store("shared:", capacity=1000, quota=100, app="x")
        except ConfigurationError as error:
            print(error)
        open_store("memory:", capacity=1000, quota=100, app="x").close()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert "MFA_REPLAY_STORE=memory:" in done.stdout, done.stderr
    assert done.returncode == 0
