"""Records that lie beside each other are told apart."""

from __future__ import annotations

from typing import Any

from mfa_middleware.replay.geometry import DATES, RECORDS
from mfa_middleware.replay.memory import MemoryStore
from mfa_middleware.replay.table import NOWHERE, Spot
from tests.replay.clocks import HandClock

_NOW = 1000


def _put(table: Any, spot: Spot, date: int) -> None:
    _, place = table.room(spot, _NOW)
    table.put(spot, place, date, 0)


def _holds(table: Any, spot: Spot, now: int) -> bool:
    return bool(table.find(spot, now) != NOWHERE)


def test_a_tag_is_found_where_a_record_begins_and_nowhere_else(clock: HandClock) -> None:
    store = MemoryStore(capacity=50, quota=50, clock=clock)
    table: Any = store._table
    stripe, first, second, _ = table.spot(b"")
    for tag in (b"aaaaaabbbbbb", b"ccccccdddddd"):
        _put(table, (stripe, first, second, tag), _NOW + 1)
    assert _holds(table, (stripe, first, second, b"ccccccdddddd"), _NOW)
    assert not _holds(table, (stripe, first, second, b"bbbbbbcccccc"), _NOW)
    store.close()


def test_a_live_record_is_found_behind_one_that_ran_out(clock: HandClock) -> None:
    store = MemoryStore(capacity=50, quota=50, clock=clock)
    table: Any = store._table
    spot = table.spot(b"key")
    for date in (_NOW + 5, _NOW + 1):
        _put(table, spot, date)
    assert _holds(table, spot, _NOW + 4)
    assert not _holds(table, spot, _NOW + 5)
    store.close()


def test_what_ran_out_first_is_overwritten_first(clock: HandClock) -> None:
    store = MemoryStore(capacity=50, quota=50, clock=clock)
    table: Any = store._table
    stripe, first, _, _ = table.spot(b"")
    tags = [bytes([number]) * 12 for number in range(RECORDS)]
    for number, tag in enumerate(tags):
        table.put((stripe, first, first, tag), (first + DATES) // 4 + number, 500 + number * 5 % RECORDS, 0)
    _put(table, (stripe, first, first, b"new new new "), _NOW + 1)
    held = [tag for tag in tags if _holds(table, (stripe, first, first, tag), 0)]
    assert held == tags[1:]
    assert table.floor(stripe) == 500
    store.close()
