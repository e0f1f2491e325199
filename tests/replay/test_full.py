"""A store that is full says so; it forgets nothing that is live."""

from __future__ import annotations

import itertools

import pytest

from mfa_middleware.replay import Outcome
from tests.replay.clocks import HandClock
from tests.replay.using import Opener, key, nonced


@pytest.mark.parametrize("capacity", [20, 200, 20_000])
def test_a_store_holds_its_capacity_and_little_more_and_then_answers_full(
    opened: Opener, clock: HandClock, capacity: int
) -> None:
    store, names, outcomes = opened(capacity=capacity, quota=3 * capacity), [], []
    for number in range(2 * capacity):
        names.append(key())
        outcomes.append(nonced(store, clock, names[-1], owner=b"%d" % (number % 50)))
    assert outcomes.index(Outcome.FULL) >= 0.95 * capacity
    assert outcomes.count(Outcome.NEW) <= 1.15 * capacity
    assert set(outcomes[-10:]) == {Outcome.FULL}
    live = [name for name, outcome in zip(names, outcomes, strict=True) if outcome is Outcome.NEW]
    assert {nonced(store, clock, name) for name in live} == {Outcome.SEEN}


def test_a_full_store_has_room_again_once_its_entries_have_run_out(opened: Opener, clock: HandClock) -> None:
    store, owners = opened(capacity=50, quota=1000), itertools.count()
    while nonced(store, clock, key(), owner=b"%d" % next(owners)) is not Outcome.FULL:
        pass
    clock.advance(140)
    assert [nonced(store, clock, key()) for _ in range(40)] == [Outcome.NEW] * 40


def test_a_flood_does_not_push_out_what_is_live(opened: Opener, clock: HandClock) -> None:
    store = opened(capacity=300, quota=100_000)
    accepted: dict[bytes, float] = {}
    for number in range(6000):
        clock.advance(0.1)
        name = key()
        if nonced(store, clock, name, owner=f"{number % 7}".encode()) is Outcome.NEW:
            accepted[name] = clock.wall()
    live = [name for name, at in accepted.items() if at > clock.wall() - 135]
    assert len(live) > 200
    assert {nonced(store, clock, name) for name in live} == {Outcome.SEEN}
    assert len(accepted) > 1000
