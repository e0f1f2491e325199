"""What a store makes of clocks that are set, stand still or start anew."""

from __future__ import annotations

import pytest

from mfa_middleware.replay import Outcome, ReplayStore
from tests.replay.clocks import HandClock
from tests.replay.using import Opener, key, nonced, plain

HOUR = 3600.0


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, 1.1, -1.1])
def test_a_step_begins_a_new_epoch_and_costs_one_nonce(warm: ReplayStore, clock: HandClock, seconds: float) -> None:
    before = warm.state()
    clock.step(seconds)
    assert plain(warm, clock, key()) is Outcome.COLD
    assert nonced(warm, clock, key(), epoch=before.epoch) is Outcome.COLD
    assert warm.state().secret == before.secret
    assert nonced(warm, clock, key()) is Outcome.NEW


def test_a_step_is_noticed_by_who_mints_a_nonce(warm: ReplayStore, clock: HandClock) -> None:
    before = warm.state().epoch
    clock.step(HOUR)
    minted_from = warm.state().epoch
    assert minted_from != before
    assert nonced(warm, clock, key(), epoch=minted_from) is Outcome.NEW


@pytest.mark.parametrize("seconds", [0.9, -0.9])
def test_a_small_drift_or_leap_second_is_no_step(warm: ReplayStore, clock: HandClock, seconds: float) -> None:
    before = warm.state()
    clock.advance(10)
    clock.step(seconds)
    assert plain(warm, clock, key()) is Outcome.NEW
    assert warm.state() == before


@pytest.mark.parametrize("seconds", [0.9, -0.9, 30, -30, HOUR, -HOUR])
@pytest.mark.parametrize("passed", [0.0, 20.0, 89.0])
def test_an_entry_outlives_a_step_until_both_clocks_have_passed_it(
    warm: ReplayStore, clock: HandClock, seconds: float, passed: float
) -> None:
    name = key()
    assert plain(warm, clock, name) is Outcome.NEW
    clock.advance(passed)
    clock.step(seconds)
    warm.state()
    clock.advance(90 - passed)
    assert warm.claim(name, b"", 90.0, warm.state().epoch, clock.wall()) is Outcome.SEEN
    clock.advance(max(0, -seconds) + 160)
    assert warm.claim(name, b"", 90.0, warm.state().epoch, clock.wall()) is Outcome.NEW


def test_entries_made_after_a_forward_step_run_out_too(warm: ReplayStore, clock: HandClock) -> None:
    clock.step(HOUR)
    name = key()
    assert nonced(warm, clock, name) is Outcome.NEW
    clock.advance(135)
    assert nonced(warm, clock, name) is Outcome.SEEN
    clock.advance(30)
    assert nonced(warm, clock, name) is Outcome.NEW


def test_a_proof_that_was_dropped_does_not_come_back_with_the_clock(opened: Opener, clock: HandClock) -> None:
    """Each stripe takes the date of what it drops as its floor, so the one table here has only one of them."""
    store = opened(capacity=40)
    clock.advance(25)
    clock.step(HOUR)
    clock.advance(25)
    name, issued = key(), clock.wall()
    store.state()
    clock.advance(25)
    assert plain(store, clock, name, issued=issued + 25) is Outcome.NEW
    clock.advance(170)
    for _ in range(35):
        assert plain(store, clock, key()) is Outcome.NEW
    clock.advance(170)
    for _ in range(35):
        assert plain(store, clock, key()) is Outcome.NEW
    clock.step(-HOUR)
    while clock.wall() <= issued + 25 + 60:
        if clock.wall() >= issued + 25 - 15:
            assert plain(store, clock, name, issued=issued + 25) is not Outcome.NEW
        assert nonced(store, clock, key(), owner=key()) in (Outcome.NEW, Outcome.FULL)
        clock.advance(7)


def test_time_never_runs_backwards_for_proofs_without_a_nonce(opened: Opener, clock: HandClock) -> None:
    """Two buckets of 28 records: what is 56 entries old was dropped, and its date is the floor."""
    store, began = opened(capacity=40, quota=1000), clock.wall()
    clock.advance(125)
    forgotten = key()
    assert plain(store, clock, forgotten) is Outcome.NEW
    for _ in range(3):
        clock.advance(100)
        assert {plain(store, clock, key()) for _ in range(30)} == {Outcome.NEW}
    clock.step(began + 100 - clock.wall())
    store.state()
    clock.advance(30)
    assert plain(store, clock, forgotten, issued=began + 125) is Outcome.COLD
    assert plain(store, clock, key()) is Outcome.COLD
    assert nonced(store, clock, key()) is not Outcome.COLD
    clock.advance(600)
    assert plain(store, clock, key()) is Outcome.NEW


def test_what_an_earlier_life_may_have_accepted_stays_cold_when_the_clock_is_set_back(
    opened: Opener, clock: HandClock
) -> None:
    store, began = opened(), clock.wall()
    clock.advance(5)
    clock.step(-HOUR)
    assert plain(store, clock, key()) is Outcome.COLD
    clock.advance(HOUR - 5)
    assert plain(store, clock, key(), issued=began) is Outcome.COLD
    clock.advance(26)
    assert plain(store, clock, key(), issued=began + 24) is Outcome.COLD
    assert plain(store, clock, key()) is Outcome.NEW


def test_a_clock_that_is_set_to_and_fro_lets_nothing_in_twice(warm: ReplayStore, clock: HandClock) -> None:
    name, issued = key(), clock.wall()
    assert plain(warm, clock, name) is Outcome.NEW
    for seconds in (HOUR, -HOUR, -HOUR, HOUR, 30, -30, -45, 45):
        clock.step(seconds)
        assert plain(warm, clock, name, issued=issued) is not Outcome.NEW
        clock.advance(5)
        assert plain(warm, clock, name, issued=issued) is not Outcome.NEW


def test_a_suspend_is_a_step(warm: ReplayStore, clock: HandClock) -> None:
    name, issued = key(), clock.wall()
    assert plain(warm, clock, name) is Outcome.NEW
    clock.suspend(50)
    assert plain(warm, clock, name, issued=issued) is Outcome.COLD
    assert warm.claim(name, b"", 90.0, warm.state().epoch, clock.wall()) is Outcome.SEEN


def test_a_halt_between_the_two_readings_is_no_step(warm: ReplayStore, clock: HandClock) -> None:
    before, halts = warm.state(), iter([5.0])
    reading = clock.wall

    def halted() -> float:
        now = reading()
        clock.advance(next(halts, 0.0))
        return now

    clock.wall = halted  # type: ignore[method-assign]
    assert plain(warm, clock, key()) is Outcome.NEW
    assert warm.state() == before


def test_a_clock_without_a_battery_shuts_nobody_out(opened: Opener) -> None:
    clock = HandClock(wall=0.0)
    from mfa_middleware.replay.memory import MemoryStore

    store = MemoryStore(capacity=100, quota=100, clock=clock)
    assert nonced(store, clock, key()) is Outcome.NEW
    clock.step(1_700_000_000)
    name = key()
    assert [nonced(store, clock, name), nonced(store, clock, name)] == [Outcome.NEW, Outcome.SEEN]
    store.close()
