"""No owner has more than its quota, and none is hurt by another."""

from __future__ import annotations

import pytest

from mfa_middleware.replay import Outcome, sustained_rate
from mfa_middleware.replay.base import WINDOW_SECONDS
from tests.replay.clocks import HandClock
from tests.replay.using import Opener, key, nonced


@pytest.mark.parametrize("quota", [1, 7, 300])
def test_an_owner_gets_its_quota_and_no_more(opened: Opener, clock: HandClock, quota: int) -> None:
    store = opened(quota=quota)
    assert [nonced(store, clock, key()) for _ in range(quota)] == [Outcome.NEW] * quota
    assert {nonced(store, clock, key()) for _ in range(20)} == {Outcome.QUOTA}
    assert nonced(store, clock, key(), owner=b"another") is Outcome.NEW


def test_a_large_quota_is_an_upper_bound_that_is_nearly_reached(opened: Opener, clock: HandClock) -> None:
    quota = 5000
    store = opened(capacity=20_000, quota=quota)
    outcomes = [nonced(store, clock, key()) for _ in range(quota + 100)]
    assert quota * 0.99 <= outcomes.count(Outcome.NEW) <= quota
    assert set(outcomes[quota:]) == {Outcome.QUOTA}


def test_what_was_refused_does_not_count(opened: Opener, clock: HandClock) -> None:
    store, name = opened(quota=3), key()
    assert nonced(store, clock, name) is Outcome.NEW
    for _ in range(10):
        assert nonced(store, clock, name) is Outcome.SEEN
        assert nonced(store, clock, key(), epoch=bytes(16)) is Outcome.COLD
    assert [nonced(store, clock, key()) for _ in range(3)] == [Outcome.NEW, Outcome.NEW, Outcome.QUOTA]


def test_a_claim_that_found_the_store_full_does_not_count(opened: Opener, clock: HandClock) -> None:
    store = opened(capacity=60, quota=100)
    others = [nonced(store, clock, key(), owner=b"%d" % number) for number in range(400)]
    assert others[-1] is Outcome.FULL
    assert {nonced(store, clock, key()) for _ in range(300)} == {Outcome.FULL}
    clock.advance(140)
    assert nonced(store, clock, key()) is Outcome.NEW


def test_the_live_entries_of_an_owner_never_exceed_its_quota(opened: Opener, clock: HandClock) -> None:
    store, quota, accepted = opened(quota=50), 50, list[float]()
    for _ in range(400):
        clock.advance(3.1)
        for _ in range(3):
            if nonced(store, clock, key()) is Outcome.NEW:
                accepted.append(clock.monotonic())
        assert sum(at > clock.monotonic() - 135 for at in accepted) <= quota
    assert len(accepted) > 3 * quota


def test_the_stated_rate_can_be_kept_up_for_ever(opened: Opener, clock: HandClock) -> None:
    store, quota = opened(quota=200), 200
    pause = 1 / sustained_rate(quota)
    outcomes = []
    for _ in range(1000):
        clock.advance(pause)
        outcomes.append(nonced(store, clock, key()))
    assert set(outcomes) == {Outcome.NEW}


def test_a_quota_recovers_as_the_windows_move_on(opened: Opener, clock: HandClock) -> None:
    store = opened(quota=4)
    assert [nonced(store, clock, key()) for _ in range(5)][-1] is Outcome.QUOTA
    clock.advance(2 * WINDOW_SECONDS)
    assert [nonced(store, clock, key()) for _ in range(5)] == [Outcome.NEW] * 4 + [Outcome.QUOTA]


def test_more_owners_than_rows_are_counted_together_and_never_too_little(opened: Opener, clock: HandClock) -> None:
    store, quota = opened(capacity=4000, quota=2), 2
    owners = [f"owner {number}".encode() for number in range(1000)]
    accepted = dict.fromkeys(owners, 0)
    for _ in range(4):
        for owner in owners:
            accepted[owner] += nonced(store, clock, key(), owner=owner) is Outcome.NEW
    assert max(accepted.values()) == quota
    clock.advance(2 * WINDOW_SECONDS)
    assert nonced(store, clock, key(), owner=owners[-1]) is Outcome.NEW


def test_an_owner_without_a_row_takes_its_count_into_the_row_it_gets(opened: Opener, clock: HandClock) -> None:
    store, quota = opened(capacity=8000, quota=100), 100
    clock.advance(WINDOW_SECONDS - clock.monotonic() % WINDOW_SECONDS + 1)
    for number in range(400):  # rows are short, and all taken for this window and the next
        nonced(store, clock, key(), owner=f"owner {number}".encode())
    clock.advance(WINDOW_SECONDS)
    late = [f"late {number}".encode() for number in range(3)]
    before = [[nonced(store, clock, key(), owner=owner) for _ in range(40)].count(Outcome.NEW) for owner in late]
    assert any(before)
    clock.advance(WINDOW_SECONDS)
    again = [[nonced(store, clock, key(), owner=owner) for _ in range(120)].count(Outcome.NEW) for owner in late]
    assert any(again)
    assert all(one + other <= quota for one, other in zip(before, again, strict=True))


def test_a_flood_of_one_owner_neither_fills_the_store_nor_starves_others(opened: Opener, clock: HandClock) -> None:
    store, quota = opened(capacity=4000, quota=1000), 1000
    flood = [nonced(store, clock, key(), owner=b"flood") for _ in range(5 * quota)]
    assert 0.9 * quota <= flood.count(Outcome.NEW) <= quota
    assert set(flood) == {Outcome.NEW, Outcome.QUOTA}
    others = [f"other {number}".encode() for number in range(25)]
    assert {nonced(store, clock, key(), owner=owner) for _ in range(50) for owner in others} == {Outcome.NEW}
