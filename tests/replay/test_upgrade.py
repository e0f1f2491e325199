"""A file that is older than this run of the machine, or than this version of the package."""

from __future__ import annotations

import os
import struct
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay import Outcome, header
from mfa_middleware.replay.shared import SharedStore
from tests.replay.clocks import HandClock
from tests.replay.racing import run_in_child
from tests.replay.using import Opener, key, nonced, plain


@pytest.fixture
def boot(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path_factory.mktemp("boot") / "boot_id"
    path.write_text("first run")
    monkeypatch.setattr("mfa_middleware.replay.era._BOOT_ID", path)
    return path


def _boot(store: Any, clock: HandClock, boot: Path, *, off: float, up: float = 3.0) -> None:
    store.close()
    boot.write_text("second run")
    clock.running = up
    clock.step(off)


@pytest.mark.parametrize(("off", "up"), [(40.0, 3.0), (0.0, 3.0), (-1027.0, 3.0), (-3600.0, 3.0), (3600.0, 9000.0)])
def test_after_a_boot_the_store_is_cold_and_has_lost_nothing(
    shared: Opener, clock: HandClock, boot: Path, off: float, up: float
) -> None:
    """-1027 is where both clocks agree again: a machine without a battery that begins each run at the same time."""
    store = shared()
    state, name = store.state(), key()
    assert nonced(store, clock, name) is Outcome.NEW
    clock.advance(30)
    _boot(store, clock, boot, off=off, up=up)
    again = shared()
    assert again.state().epoch != state.epoch
    assert again.state().secret == state.secret
    assert plain(again, clock, key()) is Outcome.COLD
    assert nonced(again, clock, name) is Outcome.SEEN


def test_the_same_run_of_the_machine_goes_on_with_its_epoch(shared: Opener, clock: HandClock, boot: Path) -> None:
    store = shared()
    state = store.state()
    store.close()
    clock.advance(500)
    assert shared().state() == state


def test_quotas_begin_anew_after_a_boot(shared: Opener, clock: HandClock, boot: Path) -> None:
    clock.running = 1_000_000.0
    store = shared(quota=2)
    assert [nonced(store, clock, key()) for _ in range(3)][-1] is Outcome.QUOTA
    _boot(store, clock, boot, off=60)
    assert nonced(shared(quota=2), clock, key()) is Outcome.NEW


def test_a_system_without_boot_ids_notices_by_its_clocks(
    shared: Opener, clock: HandClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("mfa_middleware.replay.era._BOOT_ID", tmp_path / "absent")
    store, name = shared(), key()
    assert nonced(store, clock, name) is Outcome.NEW
    epoch = store.state().epoch
    store.close()
    clock.running, clock.now = 3.0, clock.now + 40
    again = shared()
    assert again.state().epoch != epoch
    assert nonced(again, clock, name) is Outcome.SEEN


def _set_layout(path: Path, layout: int) -> None:
    """For another process than one that uses the file, which would lose its locks."""
    with path.open("r+b") as file:
        file.seek(16)
        file.write(struct.pack("=I", layout))


@pytest.mark.parametrize("layout", [1, header.LAYOUT - 1, header.LAYOUT + 1])
def test_a_file_of_another_version_is_made_anew_when_nobody_uses_it(
    shared: Opener, clock: HandClock, layout: int
) -> None:
    store: Any = shared()
    state = store.state()
    store.close()
    _set_layout(store.path, layout)
    again = shared()
    assert again.state() != state
    assert plain(again, clock, key()) is Outcome.COLD


def _start(directory: Path) -> str:
    before = os.listdir("/proc/self/fd")
    try:
        SharedStore(app="app", capacity=1000, quota=1000, directory=directory).close()
    except ConfigurationError as error:
        return f"{error} ({len(os.listdir('/proc/self/fd')) - len(before)} files left open)"
    return "started"


@pytest.mark.parametrize("layout", [header.LAYOUT - 1, header.LAYOUT + 1])
def test_a_file_of_another_version_in_use_stops_the_start(shared: Opener, tmp_path: Path, layout: int) -> None:
    store: Any = shared()
    run_in_child(get_context("fork"), _set_layout, store.path, layout)
    text = run_in_child(get_context("fork"), _start, tmp_path)
    assert f"{store.path}: processes with another version of mfa_middleware use it: stop them" in text
    assert "(0 files left open)" in text


def test_a_second_store_of_the_process_takes_the_capacity_of_the_first_and_says_so(shared: Opener) -> None:
    first: Any = shared(capacity=1000)
    second: Any = shared(capacity=5000)
    assert (first.capacity, first.notice) == (1000, None)
    assert second.capacity == 1000
    assert "stop them all for MFA_CAPACITY to take effect" in second.notice


def test_no_half_made_file_is_left_when_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    assert "No space left on device: make room there" in _start(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_missing_or_closed_is_named(tmp_path: Path) -> None:
    text = _start(tmp_path / "missing")
    assert str(tmp_path / "missing") in text
    assert "choose another store with MFA_REPLAY_STORE" in text


def test_an_overwritten_era_stops_the_start(shared: Opener, tmp_path: Path) -> None:
    store: Any = shared()
    store.close()
    with store.path.open("r+b") as file:
        file.seek(1024)
        file.write(b"\xff" * 1024)
    text = _start(tmp_path)
    assert str(store.path) in text
    assert "remove it" in text
