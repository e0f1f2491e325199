"""The fuller a store, the less one machine may have of it: who has much is refused first."""

from __future__ import annotations

import random

import pytest

from mfa_middleware.replay import Outcome, ReplayStore
from mfa_middleware.replay.geometry import RECORDS, Geometry
from tests.replay.clocks import HandClock
from tests.replay.using import Opener, key, nonced

CAPACITY = 12_000
GREEDY = [b"greedy %d" % number for number in range(4)]
SMALL = [b"small %d" % number for number in range(100)]


def _refused(outcomes: list[Outcome]) -> bool:
    """By the share, but for a few that met the last buckets with room."""
    return set(outcomes) <= {Outcome.QUOTA, Outcome.NEW} and outcomes.count(Outcome.QUOTA) > 0.9 * len(outcomes)


def _flood(store: ReplayStore, clock: HandClock, owners: list[bytes], times: int) -> list[Outcome]:
    return [nonced(store, clock, key(), owner=owner) for _ in range(times) for owner in owners]


@pytest.fixture
def pressed(opened: Opener, clock: HandClock) -> ReplayStore:
    """A store that four machines, each with the usual quota of a quarter, have filled as far as they may."""
    store = opened(capacity=CAPACITY, quota=CAPACITY // 4)
    outcomes = _flood(store, clock, GREEDY, CAPACITY // 4 + 500)
    assert set(outcomes) == {Outcome.NEW, Outcome.QUOTA}
    assert 0.86 * CAPACITY <= outcomes.count(Outcome.NEW) <= 0.94 * CAPACITY
    return store


def test_machines_that_fill_the_store_leave_room_for_all_others(pressed: ReplayStore, clock: HandClock) -> None:
    """Room for nine tenths is what the capacity means."""
    assert _refused(_flood(pressed, clock, GREEDY, 50))
    assert set(_flood(pressed, clock, SMALL, 6)) == {Outcome.NEW}
    assert _refused(_flood(pressed, clock, GREEDY, 50))


def test_who_has_little_is_refused_by_a_full_store_only(pressed: ReplayStore, clock: HandClock) -> None:
    outcomes = _flood(pressed, clock, SMALL, 40)
    assert set(outcomes) == {Outcome.NEW, Outcome.FULL}
    assert outcomes.index(Outcome.FULL) >= 600
    assert outcomes[-100:].count(Outcome.FULL) > 80
    assert _refused(_flood(pressed, clock, GREEDY, 50))


def test_nothing_is_forgotten_under_pressure(opened: Opener, clock: HandClock) -> None:
    store, live, order = opened(capacity=CAPACITY, quota=CAPACITY // 4), set[bytes](), random.Random(7)
    for _ in range(2 * CAPACITY):
        name = key()
        if nonced(store, clock, name, owner=order.choice(GREEDY + SMALL)) is Outcome.NEW:
            live.add(name)
    assert len(live) >= 0.95 * CAPACITY
    assert {nonced(store, clock, name, owner=order.choice(GREEDY)) for name in live} == {Outcome.SEEN}


def test_a_share_grows_again_with_the_room(pressed: ReplayStore, clock: HandClock) -> None:
    assert _refused(_flood(pressed, clock, GREEDY, 10))
    clock.advance(400)
    assert set(_flood(pressed, clock, GREEDY, CAPACITY // 5)) == {Outcome.NEW}


def test_many_greedy_machines_leave_room_as_well(opened: Opener, clock: HandClock) -> None:
    store, crowd = opened(capacity=CAPACITY, quota=CAPACITY // 4), [b"crowd %d" % number for number in range(16)]
    outcomes = _flood(store, clock, crowd, CAPACITY // 8)
    assert _refused(outcomes[-500:])
    assert set(_flood(store, clock, SMALL, 1)) == {Outcome.NEW}


@pytest.mark.parametrize("quota", [1, 3])
def test_who_has_nothing_is_admitted_however_small_the_quota(opened: Opener, clock: HandClock, quota: int) -> None:
    store = opened(capacity=20, quota=quota)
    outcomes = [nonced(store, clock, key(), owner=b"%d" % number) for number in range(40)]
    assert set(outcomes) == {Outcome.NEW, Outcome.FULL}
    assert outcomes.index(Outcome.FULL) >= 18


@pytest.mark.parametrize("capacity", [1, 20, 200, 1000, 30_000, 1_000_000])
def test_pressure_begins_before_a_bucket_is_full(capacity: int) -> None:
    geometry = Geometry.of(capacity)
    assert geometry.pressed < geometry.limit
    share = capacity / (geometry.stripes * geometry.buckets)
    assert geometry.pressed <= share * 8 / 9
    if capacity >= 1000:
        assert geometry.pressed == int(0.8 * RECORDS)
