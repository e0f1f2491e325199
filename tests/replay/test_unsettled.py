"""What a claim and a state come to where the file or the clock changes faster than they can be made."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay import Outcome, ReplayStore
from mfa_middleware.replay.memory import MemoryStore
from mfa_middleware.replay.shared import SharedStore
from mfa_middleware.replay.table import lock_count
from tests.replay.clocks import HandClock
from tests.replay.using import OWNER, Opener, key


def _claim(
    store: ReplayStore, clock: HandClock, *, seconds: float = 90.0, deadline: float = 60.0, name: bytes | None = None
) -> Outcome:
    return store.claim(name or key(), OWNER, seconds, None, clock.wall() + deadline)


def _claim_async(
    store: ReplayStore, clock: HandClock, *, seconds: float = 90.0, deadline: float = 60.0, name: bytes | None = None
) -> Outcome:
    return asyncio.run(store.claim_async(name or key(), OWNER, seconds, None, clock.wall() + deadline))


BOTH: Any = pytest.mark.parametrize("claim", [_claim, _claim_async])
Claimer = Callable[..., Outcome]


class RestlessClock(HandClock):
    """Once `restless`, the wall clock jumps at every reading, back and forth."""

    restless = False
    readings = 0

    def wall(self) -> float:
        self.readings += 1
        return self.now + (1000.0 * (self.readings % 7) if self.restless else 0.0)


@BOTH
def test_a_clock_that_never_rests_is_an_error_after_a_few_tries(claim: Claimer) -> None:
    clock = RestlessClock()
    store = MemoryStore(capacity=100, quota=100, never_cold=True, clock=clock)
    assert claim(store, clock) is Outcome.NEW
    clock.restless, clock.readings = True, 0
    with pytest.raises(StoreError, match="its clock set, again and again"):
        claim(store, clock, deadline=9_000)
    assert clock.readings < 1_000
    clock.restless = False
    assert claim(store, clock) is Outcome.NEW
    store.close()


@BOTH
def test_a_file_that_is_deleted_as_often_as_it_is_made_is_an_error_after_a_few_tries(
    shared: Opener, clock: HandClock, monkeypatch: pytest.MonkeyPatch, claim: Claimer
) -> None:
    store: Any = shared(never_cold=True)
    find, made = store._find_table, []

    def find_and_lose() -> Any:
        made.append(find())
        store.path.unlink()
        if len(made) > 1_000:
            raise AssertionError("it is tried for ever")
        return made[-1]

    with monkeypatch.context() as patched:
        patched.setattr(store, "_find_table", find_and_lose)
        store.path.unlink()
        with pytest.raises(StoreError, match=r"replaced.* again and again"):
            claim(store, clock)
        assert 1 < len(made) <= 20
        with pytest.raises(StoreError, match=r"replaced.* again and again"):
            store.state()
        assert len(made) <= 40
    assert claim(store, clock) is Outcome.NEW


@BOTH
@pytest.mark.parametrize("seconds", [0.001, 0.5, 1.0, 149.9, 150.0])
def test_every_time_up_to_150_s_is_kept(warm: ReplayStore, clock: HandClock, claim: Claimer, seconds: float) -> None:
    assert claim(warm, clock, seconds=seconds) is Outcome.NEW


@BOTH
@pytest.mark.parametrize("seconds", [0.0, -0.5, 150.5, 1000.0])
def test_any_other_is_an_error_of_the_program_that_names_it(
    warm: ReplayStore, clock: HandClock, claim: Claimer, seconds: float
) -> None:
    with pytest.raises(ValueError, match=f"more than 0 and at most 150.0 seconds, not {seconds}"):
        claim(warm, clock, seconds=seconds)


@BOTH
@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.5])
def test_a_lock_that_another_thread_has_for_a_moment_is_waited_for(
    warm: ReplayStore, clock: HandClock, claim: Claimer, seconds: float
) -> None:
    name = key()
    table = warm._table  # type: ignore[attr-defined]
    stripe = table.spot(name)[0]
    assert table.locks.take(stripe, 0)
    giving = threading.Timer(seconds, table.locks.give, [stripe])
    giving.start()
    assert claim(warm, clock, name=name) is Outcome.NEW
    giving.join()


@BOTH
def test_so_is_the_lock_of_who_begins_an_era(warm: ReplayStore, clock: HandClock, claim: Claimer) -> None:
    table = warm._table  # type: ignore[attr-defined]
    lock = lock_count(table.geometry) - 1
    epoch = warm.state().epoch
    assert table.locks.take(lock, 0)
    clock.step(3600)
    giving = threading.Timer(0.05, table.locks.give, [lock])
    giving.start()
    assert claim(warm, clock) is Outcome.COLD
    giving.join()
    assert warm.state().epoch != epoch


def test_who_asks_for_the_state_waits_for_no_lock(warm: ReplayStore, clock: HandClock) -> None:
    """Nonces are minted on an event loop: the epoch before will do, and costs the machine one more."""
    table = warm._table  # type: ignore[attr-defined]
    lock = lock_count(table.geometry) - 1
    state = warm.state()
    assert table.locks.take(lock, 0)
    clock.step(3600)
    before = time.monotonic()
    assert warm.state() == state
    assert time.monotonic() - before < 0.5
    table.locks.give(lock)
    assert warm.state() != state


def test_a_table_that_another_thread_gives_back_in_between_is_looked_for_again(
    warm: ReplayStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, state, calls = warm._table, warm.state(), []  # type: ignore[attr-defined]
    named = table.named

    def gone_once(monotonic: float) -> bool:
        calls.append(monotonic)
        if len(calls) == 1:
            raise ValueError("operation forbidden on released memoryview object")
        return bool(named(monotonic))

    monkeypatch.setattr(type(table), "named", lambda _, monotonic: gone_once(monotonic))
    assert warm.state().secret == state.secret or warm.shared_by == "process"
    assert len(calls) == 2


def test_who_closes_a_store_waits_for_those_at_work(opened: Opener) -> None:
    store: Any = opened()
    table, done = store._table, list[str]()
    assert table.locks.take(0, 0)

    def give() -> None:
        done.append("given back")
        table.locks.give(0)

    threading.Timer(0.05, give).start()
    store.close()
    assert done == ["given back"]
    assert not table.alive
    assert table._buffer.closed
    with pytest.raises(StoreError, match="closed"):
        store.claim(key(), OWNER, 90.0, None, 2.0**40)


@BOTH
def test_files_that_were_replaced_are_given_back(shared: Opener, clock: HandClock, claim: Claimer) -> None:
    store: Any = shared(never_cold=True)
    assert claim(store, clock) is Outcome.NEW
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        store.path.unlink()
        assert claim(store, clock) is Outcome.NEW
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before
    mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if f"{store.path.parent}/" in line]
    assert len(mapped) == 1


@BOTH
def test_a_file_whose_locks_fail_is_an_error_that_says_so(
    warm: ReplayStore, clock: HandClock, monkeypatch: pytest.MonkeyPatch, claim: Claimer
) -> None:
    def fail(*_: object) -> bool:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(warm._table.locks, "take", fail)  # type: ignore[attr-defined]
        with pytest.raises(StoreError, match=r"cannot be locked or read: .*Input/output error"):
            claim(warm, clock)
    assert claim(warm, clock) is Outcome.NEW


@pytest.mark.parametrize("number", [0, -1, 10**12])
@pytest.mark.parametrize("name", ["capacity", "quota"])
def test_a_size_out_of_range_is_named(clock: HandClock, name: str, number: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"\b{name}\b"):
        MemoryStore(**{"capacity": 100, "quota": 100, "clock": clock, name: number})  # type: ignore[arg-type]


@BOTH
def test_a_peer_that_is_not_given_is_not_known(warm: ReplayStore, clock: HandClock, claim: Claimer) -> None:
    name = key()
    assert [claim(warm, clock, name=name) for _ in range(2)] == [Outcome.NEW, Outcome.SEEN]


def test_the_state_is_the_same_for_whoever_asks_and_however(warm: ReplayStore) -> None:
    assert asyncio.run(warm.refresh_async()) == asyncio.run(warm.refresh_async(OWNER)) == warm.state()
    assert warm.refresh(OWNER) == warm.state(OWNER) == warm.state()


def test_a_file_from_before_the_last_boot_is_settled_when_it_is_found(
    shared: Opener, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is put back under its name by a restore: it is of another run of the machine, and has no say in this."""
    boot = tmp_path / "boot_id"
    boot.write_text("before")
    monkeypatch.setattr("mfa_middleware.replay.era._BOOT_ID", boot)
    store: Any = shared(never_cold=True)
    old: Any = shared(app="old", never_cold=True)
    epoch = old.state().epoch
    old.close()
    boot.write_text("after")
    os.replace(old.path, store.path)
    clock.advance(1)
    assert isinstance(store, SharedStore)
    assert store.claim(key(), OWNER, 90.0, None, clock.wall() + 60) is Outcome.NEW
    assert store.state().epoch != epoch
    assert store.claim(key(), OWNER, 135.0, epoch, clock.wall() + 60) is Outcome.COLD
