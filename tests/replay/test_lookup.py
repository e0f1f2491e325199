"""A store is found by its URI."""

from __future__ import annotations

import mmap
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay import Options, Outcome, ReplayStore, open_store, solitary
from mfa_middleware.replay.files import store_path
from mfa_middleware.replay.memory import MemoryStore
from mfa_middleware.replay.remote.store import RemoteStore
from mfa_middleware.replay.shared import SharedStore
from tests.replay.clocks import HandClock
from tests.replay.using import key, plain


def _open(uri: str, **options: Any) -> ReplayStore:
    return open_store(uri, capacity=1000, quota=100, app="test of the lookup", **options)


def test_a_uri_opens_its_store() -> None:
    store = _open("memory:")
    assert (type(store).__name__, store.shared_by, store.blocking) == ("MemoryStore", "process", False)
    store.close()


def test_the_default_store_is_in_a_file_named_for_user_and_app_alone() -> None:
    path = store_path("test of the lookup")
    try:
        store = _open("shared:")
        assert (type(store).__name__, store.shared_by, store.blocking) == ("SharedStore", "host", True)
        assert path.stat().st_mode & 0o777 == 0o600
        store.close()
    finally:
        path.unlink(missing_ok=True)
    assert path != store_path("another app")


@pytest.mark.parametrize(
    ("uri", "advice"),
    [
        ("", "write one of memory:, shared:"),
        ("memory", "write one of memory:, shared:"),
        ("Memory:", "write one of memory:, shared:"),
        ("sqlite:///x", "write one of memory:, shared:"),
        ("memory://", "write memory: with nothing after the colon"),
        ("shared:/tmp/x", "write shared: with nothing after the colon"),
    ],
)
def test_a_wrong_uri_is_answered_with_what_to_write(uri: str, advice: str) -> None:
    with pytest.raises(ConfigurationError, match=advice):
        _open(uri)


def test_a_name_ends_at_the_first_colon() -> None:
    with pytest.raises(ConfigurationError, match="called 'sqlite:'"):
        _open("sqlite:file:x")


def test_a_store_is_cold_and_shares_its_app_unless_asked_otherwise() -> None:
    clock = HandClock()

    def opened(**options: Any) -> ReplayStore:
        return open_store("memory:", capacity=1000, quota=100, app="test of the lookup", clock=clock, **options)

    with closing(opened()) as plain_one, closing(opened(never_cold=True)) as warm:
        assert plain(plain_one, clock, key()) is Outcome.COLD
        assert plain(warm, clock, key()) is Outcome.NEW
        clock.advance(25)
        assert plain(plain_one, clock, key()) is Outcome.NEW
        held = store_path("test of the lookup").with_suffix(".memory")
        assert held not in solitary._HOLDS.held
        with closing(opened(alone=True)):
            assert held in solitary._HOLDS.held
    held.unlink()


def test_a_store_that_is_told_no_more_than_its_size_is_cold(tmp_path: Path) -> None:
    stores: list[ReplayStore] = [
        MemoryStore(capacity=100, quota=100),
        SharedStore(capacity=100, quota=100, app="app", directory=tmp_path),
    ]
    for store in stores:
        with closing(store):
            assert store.claim(key(), b"o" * 16, 90.0, None, time.time() + 60) is Outcome.COLD


def test_memory_that_is_nobody_elses_is_had_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows knows no MAP_PRIVATE, and no fork either."""
    monkeypatch.delattr(mmap, "MAP_PRIVATE")
    with closing(_open("memory:", never_cold=True)) as store:
        name, claim = key(), (b"o" * 16, 90.0, None, time.time() + 60)
        assert [store.claim(name, *claim), store.claim(name, *claim)] == [Outcome.NEW, Outcome.SEEN]


def test_a_shared_store_counts_by_the_clock_that_it_is_given() -> None:
    clock = HandClock()
    path = store_path("test of the lookup")
    given: Any = {"capacity": 1000, "quota": 100, "app": "test of the lookup", "clock": clock}
    try:
        with (
            closing(open_store("shared:", **given)) as cold,
            closing(open_store("shared:", never_cold=True, **given)) as warm,
        ):
            assert plain(cold, clock, key()) is Outcome.COLD
            assert plain(warm, clock, key()) is Outcome.NEW
            clock.advance(25)
            assert plain(cold, clock, key()) is Outcome.NEW
    finally:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize(("given", "timeout"), [({}, 0.05), ({"timeout": 0.2}, 0.2)])
def test_a_store_on_a_server_is_told_how_long_to_wait_and_where_events_go(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, float], timeout: float
) -> None:
    told: list[Options] = []
    monkeypatch.setattr(RemoteStore, "open", lambda _, options: told.append(options))
    events: list[Any] = []
    _open("valkey://host:1", emit=events.append, **given)
    assert (told[0].timeout, told[0].app, told[0].capacity) == (timeout, "test of the lookup", 1000)
    told[0].emit("event")  # type: ignore[arg-type]
    assert events == ["event"]


def test_a_password_in_a_uri_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as error:
        _open("ftp://user:hunter2@host")
    assert "hunter2" not in str(error.value)
