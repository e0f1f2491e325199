from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mfa_middleware.replay import ReplayStore
from mfa_middleware.replay.memory import MemoryStore
from mfa_middleware.replay.shared import SharedStore
from tests.helpers.valkey import Valkey, running
from tests.replay.clocks import HandClock
from tests.replay.using import Opener


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def calm_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A server for tests that do it no harm."""
    with running(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(params=["memory", "shared"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> Iterator[Opener]:
    """Opens stores of one kind; each shared one has a file of its own."""
    stores: list[ReplayStore] = []

    def make(capacity: int = 1000, quota: int | None = None, *, never_cold: bool = False) -> ReplayStore:
        common = {"capacity": capacity, "quota": quota or capacity, "never_cold": never_cold, "clock": clock}
        if request.param == "memory":
            stores.append(MemoryStore(**common))
        else:
            stores.append(SharedStore(app=f"app {len(stores)}", directory=tmp_path, **common))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def warm(opened: Opener, clock: HandClock) -> ReplayStore:
    """A store that is no longer cold."""
    store = opened()
    clock.advance(25)
    return store


@pytest.fixture
def shared(tmp_path: Path, clock: HandClock) -> Iterator[Opener]:
    """Opens shared stores; those of the same app share a file."""
    stores: list[SharedStore] = []

    def make(app: str = "app", capacity: int = 1000, **options: object) -> SharedStore:
        given = {"quota": capacity, "clock": clock, "directory": tmp_path, **options}
        stores.append(SharedStore(app=app, capacity=capacity, **given))  # type: ignore[arg-type]
        return stores[-1]

    yield make
    for store in stores:
        store.close()
