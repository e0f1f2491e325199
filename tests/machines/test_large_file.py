"""A registry too large to be read by a request is read by a thread."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from mfa_middleware.jose.jwk import thumbprint
from mfa_middleware.machines import FileRegistry, State, file

from .conftest import Registered
from .keys import Jwk, entry_of
from .processes import finish, start


def write_large(path: Path, jwk: Jwk, **members: str) -> None:
    padding = " " * file._LARGE
    path.write_text(json.dumps({"version": 1, "machines": [entry_of(jwk, **members)]}) + padding)
    path.chmod(0o600)


@pytest.fixture
def large(registered: Registered, jwk: Jwk) -> Registered:
    write_large(registered.path, jwk)
    return registered


def state(registry: FileRegistry, jwk: Jwk) -> State:
    machine = registry.find(thumbprint(jwk))
    assert machine is not None
    return machine.state


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mfa-registry"]


def until_gone(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)


def test_a_small_file_needs_no_thread(registered: Registered, jwk: Jwk) -> None:
    registered.write(entry_of(jwk))
    registry = registered.open()
    registered.clock.advance(1)
    state(registry, jwk)
    assert not watchers()


def test_a_change_is_read_by_the_thread_within_a_second_even_without_requests(large: Registered, jwk: Jwk) -> None:
    registry = large.open()
    large.clock.advance(0.5)
    assert state(registry, jwk) is State.ACTIVE
    write_large(large.path, jwk, state="paused")
    started = time.monotonic()
    while registry._snapshot.current[thumbprint(jwk)].state is State.ACTIVE and time.monotonic() < started + 5:
        time.sleep(0.01)
    assert time.monotonic() - started < 1.0
    assert state(registry, jwk) is State.PAUSED


def test_a_request_goes_on_with_the_last_good_state_while_the_thread_reads(
    large: Registered, jwk: Jwk, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()
    real = file.parse

    def slow(*arguments: object) -> object:
        reading.set()
        assert go_on.wait(10)
        return real(*arguments)  # type: ignore[arg-type]

    registry = large.open()
    monkeypatch.setattr(file, "parse", slow)
    write_large(large.path, jwk, state="paused")
    large.clock.advance(0.5)
    assert state(registry, jwk) is State.ACTIVE
    assert reading.wait(5)
    large.clock.advance(60)
    started = time.monotonic()
    assert state(registry, jwk) is State.ACTIVE
    assert time.monotonic() - started < 1
    go_on.set()
    deadline = time.monotonic() + 5
    while state(registry, jwk) is State.ACTIVE and time.monotonic() < deadline:
        time.sleep(0.01)
    assert state(registry, jwk) is State.PAUSED


def test_where_no_thread_can_run_a_revoked_machine_still_does_not_come_through(
    large: Registered, jwk: Jwk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    registry = large.open()
    write_large(large.path, jwk, state="revoked")
    large.clock.advance(1.0)
    assert state(registry, jwk) is State.REVOKED


def test_the_thread_ends_with_close_and_with_the_last_reference(large: Registered, jwk: Jwk) -> None:
    closed, forgotten = large.open(), FileRegistry(large.path, clock=large.clock, emit=large.events.append)
    large.clock.advance(0.5)
    state(closed, jwk)
    state(forgotten, jwk)
    threads = watchers()
    assert len(threads) == 2
    closed.close()
    del forgotten
    until_gone(threads)
    large.clock.advance(0.5)
    state(closed, jwk)
    assert not watchers()


def test_a_forked_child_has_a_thread_of_its_own(path: Path, jwk: Jwk) -> None:
    write_large(path, jwk)
    source = """
        import threading
        registry = FileRegistry(sys.argv[1])
        time.sleep(0.5)
        registry.find(sys.argv[2])
        assert threading.active_count() == 2
        child = os.fork()
        if child:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        assert threading.active_count() == 1
        set_state(sys.argv[1], "m-1", "paused")
        with open(sys.argv[1], "a") as file:
            file.write(" " * 300_000)
        deadline = time.monotonic() + 5
        while registry.find(sys.argv[2]).state != "paused" and time.monotonic() < deadline:
            time.sleep(0.01)
        os._exit(0 if registry.find(sys.argv[2]).state == "paused" and threading.active_count() == 2 else 1)
    """
    finish([start(source, str(path), thumbprint(jwk))])
