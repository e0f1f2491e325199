"""A key that was used, forgotten and used again lies in its bucket more than once; only the live copy counts."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mfa_middleware.replay import Outcome, ReplayStore
from mfa_middleware.replay.geometry import DATES, RECORDS
from mfa_middleware.replay.memory import MemoryStore
from mfa_middleware.replay.table import NOWHERE
from tests.replay.clocks import HandClock
from tests.replay.using import OWNER, key

_NOW = 1000
_RAN_OUT, _LIVE = _NOW, _NOW + 1


@pytest.mark.parametrize("dates", [*itertools.product((_RAN_OUT, _LIVE), repeat=3)])
@pytest.mark.parametrize("places", [(0, 1, 2), (3, 11, 12), (RECORDS - 3, RECORDS - 2, RECORDS - 1)])
@pytest.mark.parametrize("bucket", [1, 2])
def test_a_live_copy_is_found_wherever_it_lies(
    clock: HandClock, dates: tuple[int, ...], places: tuple[int, ...], bucket: int
) -> None:
    store = MemoryStore(capacity=50, quota=50, clock=clock)
    table: Any = store._table
    spot = table.spot(b"key")
    for place, date in zip(places, dates, strict=True):
        table.put((spot[0], spot[bucket], spot[bucket], spot[3]), (spot[bucket] + DATES) // 4 + place, date, 7)
    found = table.find(spot, _NOW)
    assert (found != NOWHERE) is (_LIVE in dates)
    if found != NOWHERE:
        assert table.entry(found) == (_LIVE, 7)
    store.close()


def test_a_key_is_used_once_in_each_of_its_lives(warm: ReplayStore, clock: HandClock) -> None:
    name = key()
    for _ in range(40):
        epoch = warm.state().epoch
        outcomes = [warm.claim(name, OWNER, 90.0, epoch, clock.wall() + 60) for _ in range(3)]
        assert outcomes == [Outcome.NEW, Outcome.SEEN, Outcome.SEEN]
        clock.advance(100)
