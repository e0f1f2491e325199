from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.events import Event
from mfa_middleware.jose.jwk import b64url, thumbprint
from mfa_middleware.machines import FileRegistry, Machine, RegistryError, State, add, set_state
from mfa_middleware.machines.watched import WatchedFile

from .conftest import Registered
from .keys import Jwk, entry_of, new_jwk
from .processes import finish, start

TICK = 0.5


def state_after_a_tick(registered: Registered, registry: FileRegistry, jwk: Jwk) -> State | None:
    registered.clock.advance(TICK)
    machine = registry.find(thumbprint(jwk))
    return machine and machine.state


def test_a_machine_is_found_by_its_current_key_in_whatever_state_it_is(registered: Registered, jwk: Jwk) -> None:
    for state in State:
        registered.write(entry_of(jwk, state=state.value))
        registry = registered.open()
        found = registry.find(thumbprint(jwk))
        assert found is not None
        assert found.state is state
        assert asyncio.run(registry.find_async(thumbprint(jwk))) is found
        assert registry.find(thumbprint(new_jwk())) is None


def test_an_announced_key_is_found_by_find_next_only(registered: Registered, jwk: Jwk, other_jwk: Jwk) -> None:
    registered.write(entry_of(jwk, next_thumbprint=thumbprint(other_jwk)))
    registry = registered.open()
    assert registry.find(thumbprint(other_jwk)) is None
    assert registry.find_next(thumbprint(other_jwk)) == registry.find(thumbprint(jwk))
    assert registry.find_next(thumbprint(jwk)) is None


def test_all_machines_are_listed_in_their_order(registered: Registered, jwk: Jwk, other_jwk: Jwk) -> None:
    registered.write(entry_of(jwk, id="z"), entry_of(other_jwk, id="a"))
    assert [machine.id for machine in registered.open().machines()] == ["z", "a"]


def test_a_credential_is_known_where_a_machine_that_is_not_pending_names_it(
    registered: Registered, jwk: Jwk, other_jwk: Jwk
) -> None:
    one, two, three = (b64url(bytes([number]) * 32) for number in range(3))
    registered.write(
        entry_of(jwk, credentials=[f"sha256:{one}", {"iss": "i", "sub": "s"}, "any"]),
        entry_of(other_jwk, id="m-2", state="pending", credentials=[f"sha256:{two}"]),
    )
    registry = registered.open()
    assert registry.knows_credential(one, None, None)
    assert registry.knows_credential(three, "i", "s")
    assert not registry.knows_credential(two, None, None)
    assert not registry.knows_credential(three, "i", "other")
    registered.replace(entry_of(other_jwk, id="m-2", credentials=[f"sha256:{two}"]))
    registered.clock.advance(TICK)
    assert registry.knows_credential(two, None, None)


def test_a_missing_file_is_an_empty_registry_and_an_event(registered: Registered, jwk: Jwk) -> None:
    registry = registered.open()
    assert registry.find(thumbprint(jwk)) is None
    (event,) = registered.events
    assert (event.kind, event.level, event.at) == ("registry_error", logging.ERROR, registered.clock.now)
    assert "mfa-middleware machines add" in event.detail
    assert state_after_a_tick(registered, registry, jwk) is None
    assert len(registered.events) == 1
    registered.write(entry_of(jwk))
    assert state_after_a_tick(registered, registry, jwk) is State.ACTIVE
    assert registered.kinds() == ["registry_error", "registry_reloaded"]


@pytest.mark.parametrize("text", ["", "{", '{"version": 1, "machines": [{"id": "m-1"}]}'])
def test_a_bad_file_stops_the_start(registered: Registered, text: str) -> None:
    registered.write_text(text)
    with pytest.raises(ConfigurationError, match=str(registered.path)) as caught:
        registered.open()
    assert "\n" not in str(caught.value)


def test_a_file_that_others_can_write_stops_the_start_and_is_an_event_later(registered: Registered, jwk: Jwk) -> None:
    registered.write(entry_of(jwk))
    registered.path.chmod(0o620)
    with pytest.raises(RegistryError, match=f"run: chmod go-w {registered.path}"):
        registered.open()
    registered.path.chmod(0o600)
    registry = registered.open()
    registered.write(entry_of(jwk, state="paused"))
    registered.path.chmod(0o602)
    assert state_after_a_tick(registered, registry, jwk) is State.ACTIVE
    assert state_after_a_tick(registered, registry, jwk) is State.ACTIVE
    (event,) = registered.events
    assert "chmod go-w" in event.detail
    registered.path.chmod(0o600)
    assert state_after_a_tick(registered, registry, jwk) is State.PAUSED
    assert registered.kinds() == ["registry_error", "registry_reloaded"]


def test_the_file_is_not_looked_at_between_two_ticks(registered: Registered, jwk: Jwk) -> None:
    registered.write(entry_of(jwk))
    registry = registered.open()
    registered.write(entry_of(jwk, state="paused"))
    for _ in range(3):
        registered.clock.advance(0.1)
        found = registry.find(thumbprint(jwk))
        assert found is not None
        assert found.state is State.ACTIVE
    assert state_after_a_tick(registered, registry, jwk) is State.PAUSED


def rewrite_in_place(registered: Registered, jwk: Jwk) -> None:
    registered.write(entry_of(jwk, state="paused"))


def rename_over(registered: Registered, jwk: Jwk) -> None:
    registered.replace(entry_of(jwk, state="paused"))


def delete_and_create(registered: Registered, jwk: Jwk) -> None:
    registered.path.unlink()
    registered.write(entry_of(jwk, state="paused"))


def same_size_and_time(registered: Registered, jwk: Jwk) -> None:
    before = registered.path.stat()
    registered.write(entry_of(jwk, state="paused"))
    os.utime(registered.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert registered.path.stat().st_size == before.st_size


def set_by_command(registered: Registered, jwk: Jwk) -> None:
    set_state(registered.path, "m-1", "paused")


@pytest.mark.parametrize(
    "change", [rewrite_in_place, rename_over, delete_and_create, same_size_and_time, set_by_command]
)
@pytest.mark.parametrize("settled", [True, False])
def test_a_change_counts_at_the_next_tick(registered: Registered, jwk: Jwk, change: Any, settled: bool) -> None:
    registered.write(entry_of(jwk, state="active"))
    registry = registered.open()
    for _ in range(10 if settled else 0):
        assert state_after_a_tick(registered, registry, jwk) is State.ACTIVE
    change(registered, jwk)
    assert state_after_a_tick(registered, registry, jwk) is State.PAUSED
    assert registered.kinds() == ["registry_reloaded"]


def test_a_second_write_within_the_grain_of_file_times_counts_too(
    registered: Registered, jwk: Jwk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WatchedFile, "_look", lambda _: (1, 1, 1, 1, 1))
    registered.write(entry_of(jwk))
    registry = registered.open()
    registered.write(entry_of(jwk, state="paused"))
    assert state_after_a_tick(registered, registry, jwk) is State.PAUSED


def test_a_deleted_file_leaves_the_last_good_state_and_one_event(registered: Registered, jwk: Jwk) -> None:
    registered.write(entry_of(jwk))
    registry = registered.open()
    text = registered.path.read_text()
    registered.path.unlink()
    for _ in range(3):
        assert state_after_a_tick(registered, registry, jwk) is State.ACTIVE
    (event,) = registered.events
    assert "the file is gone; the last good state stays in force" in event.detail
    registered.write_text(text)
    assert state_after_a_tick(registered, registry, jwk) is State.ACTIVE
    assert registered.kinds() == ["registry_error", "registry_reloaded"]


def test_a_half_written_file_leaves_the_last_good_state_until_it_is_whole(registered: Registered, jwk: Jwk) -> None:
    registered.write(entry_of(jwk))
    registry = registered.open()
    text = json.dumps({"version": 1, "machines": [entry_of(jwk, state="revoked")]})
    for end in (0, 30, 60):
        registered.write_text(text[:end])
        for _ in range(10):
            assert state_after_a_tick(registered, registry, jwk) is State.ACTIVE
        assert registered.kinds() == ["registry_error"]
    registered.write_text(text)
    assert state_after_a_tick(registered, registry, jwk) is State.REVOKED
    assert registered.kinds() == ["registry_reloaded"]


def test_each_bad_version_is_told_once_and_names_machine_and_member(registered: Registered, jwk: Jwk) -> None:
    registered.write(entry_of(jwk))
    registry = registered.open()
    for owner in (1, 2):
        registered.write(entry_of(jwk, owner=owner))
        assert state_after_a_tick(registered, registry, jwk) is State.ACTIVE
        assert state_after_a_tick(registered, registry, jwk) is State.ACTIVE
        (event,) = registered.events
        assert f"{registered.path}: machine 'm-1': owner: " in event.detail
        registered.events.clear()


def test_a_registry_in_another_directory_survives_a_change_of_directory(
    registered: Registered, jwk: Jwk, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered.write(entry_of(jwk))
    monkeypatch.chdir(registered.path.parent)
    registry = FileRegistry("machines.json", clock=registered.clock, emit=registered.events.append)
    monkeypatch.chdir("/")
    registered.write(entry_of(jwk, state="paused"))
    assert state_after_a_tick(registered, registry, jwk) is State.PAUSED


def test_an_interrupted_reload_is_made_up_for(
    registered: Registered, jwk: Jwk, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered.write(entry_of(jwk))
    registry = registered.open()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    registered.write(entry_of(jwk, state="paused"))
    with monkeypatch.context() as patch:
        patch.setattr("mfa_middleware.machines.file.parse", interrupted)
        with pytest.raises(KeyboardInterrupt):
            state_after_a_tick(registered, registry, jwk)
    for _ in range(10):
        state_after_a_tick(registered, registry, jwk)
    assert state_after_a_tick(registered, registry, jwk) is State.PAUSED


def test_it_can_be_closed_twice_and_answers_on(registered: Registered, jwk: Jwk) -> None:
    registered.write(entry_of(jwk))
    registry = registered.open()
    registry.close()
    registry.close()
    assert registry.find(thumbprint(jwk)) is not None


def test_threads_see_a_whole_state_and_the_latest_one_while_the_file_is_rewritten(tmp_path: Path, jwk: Jwk) -> None:
    path = tmp_path / "machines.json"
    add(path, entry_of(jwk))
    events: list[Event] = []
    registry = FileRegistry(path, emit=events.append)
    print_, done, missed = thumbprint(jwk), threading.Event(), []

    def look() -> None:
        while not done.is_set():
            if registry.find(print_) is None:
                missed.append(1)
            time.sleep(0)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(20):
        set_state(path, "m-1", "paused" if number % 2 else "active")
    started = time.monotonic()
    while not_yet(registry, print_) and time.monotonic() < started + 5:
        time.sleep(0.01)
    took = time.monotonic() - started
    done.set()
    for thread in threads:
        thread.join()
    assert not missed
    assert took < 1.0
    assert {event.kind for event in events} == {"registry_reloaded"}


def not_yet(registry: FileRegistry, print_: str) -> bool:
    machine: Machine | None = registry.find(print_)
    return machine is None or machine.state is not State.PAUSED


def test_a_forked_child_sees_changes_though_another_thread_held_the_lock_at_the_fork(path: Path, jwk: Jwk) -> None:
    add(path, entry_of(jwk))
    source = """
        from mfa_middleware.machines import file
        real, entered = file.parse, __import__("threading").Event()
        def slow(*arguments):
            entered.set()
            time.sleep(0.5)
            return real(*arguments)
        registry = FileRegistry(sys.argv[1])
        file.parse = slow
        set_state(sys.argv[1], "m-1", "paused")
        def look():
            while not entered.is_set():
                registry.find(sys.argv[2])
        thread = __import__("threading").Thread(target=look)
        thread.start()
        entered.wait()
        child = os.fork()
        deadline = time.monotonic() + 5
        while registry.find(sys.argv[2]).state != "paused" and time.monotonic() < deadline:
            time.sleep(0.01)
        state = registry.find(sys.argv[2]).state
        if child == 0:
            os._exit(0 if state == "paused" else 1)
        thread.join()
        print(state, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert finish([start(source, str(path), thumbprint(jwk))]) == ["paused 0\n"]
