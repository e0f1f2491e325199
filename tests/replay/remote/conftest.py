from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mfa_middleware.replay.remote.store import RemoteStore
from tests.helpers.valkey import Valkey, running
from tests.replay.clocks import HandClock
from tests.replay.remote import opening
from tests.replay.using import Opener


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A server of the test's own, which it may harm."""
    with running(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def opened(calm_valkey: Valkey, clock: HandClock) -> Iterator[Opener]:
    """Opens stores of apps of their own, on a server that goes by the clock of the test."""
    stores: list[RemoteStore] = []

    def make(capacity: int = 1000, quota: int | None = None, *, never_cold: bool = False) -> RemoteStore:
        limits = {"capacity": capacity, "quota": quota or capacity, "never_cold": never_cold}
        stores.append(opening.opened(calm_valkey, clock, **limits))
        return stores[-1]

    yield make
    for store in stores:
        store.close()
