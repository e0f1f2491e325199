"""How long an entry outlives a step of the clock, and which clock a young store goes by."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.replay import Outcome, ReplayStore
from mfa_middleware.replay.era import Era
from mfa_middleware.replay.geometry import FIRST_PAGE
from mfa_middleware.replay.header import GENERATION, first_page, parse, read_era, write_era
from tests.replay.clocks import HandClock
from tests.replay.using import OWNER, Opener, key, plain

HOUR = 3600.0


def _claim(store: ReplayStore, clock: HandClock, name: bytes, seconds: float = 90.0) -> Outcome:
    return store.claim(name, OWNER, seconds, store.state().epoch, clock.wall() + seconds)


@pytest.mark.parametrize("seconds", [90.0, 135.0, 150.0])
@pytest.mark.parametrize("step", [HOUR, 2 * HOUR])
def test_an_entry_has_all_of_its_time_after_a_forward_step_and_little_more(
    warm: ReplayStore, clock: HandClock, seconds: float, step: float
) -> None:
    name = key()
    assert _claim(warm, clock, name, seconds) is Outcome.NEW
    clock.step(step)
    warm.state()
    clock.advance(seconds - 0.1)
    assert _claim(warm, clock, name, seconds) is Outcome.SEEN
    clock.advance(5)
    assert _claim(warm, clock, name, seconds) is Outcome.NEW


def test_a_second_step_long_after_the_first_holds_entries_no_longer(warm: ReplayStore, clock: HandClock) -> None:
    clock.step(HOUR)
    warm.state()
    clock.advance(200)
    name = key()
    assert _claim(warm, clock, name) is Outcome.NEW
    clock.step(30)
    warm.state()
    clock.advance(95)
    assert _claim(warm, clock, name) is Outcome.NEW


def test_of_two_steps_in_a_row_the_entries_of_both_are_held(warm: ReplayStore, clock: HandClock) -> None:
    first, second = key(), key()
    assert _claim(warm, clock, first) is Outcome.NEW
    clock.step(HOUR)
    assert _claim(warm, clock, second) is Outcome.NEW
    clock.step(HOUR)
    warm.state()
    clock.advance(89)
    assert [_claim(warm, clock, name) for name in (first, second)] == [Outcome.SEEN] * 2


@pytest.mark.parametrize("between", [0.0, 30.0])
def test_an_entry_from_between_a_step_back_and_one_forward_is_held(
    warm: ReplayStore, clock: HandClock, between: float
) -> None:
    clock.step(-HOUR)
    name = key()
    assert _claim(warm, clock, name) is Outcome.NEW
    clock.advance(between)
    clock.step(HOUR)
    warm.state()
    clock.advance(89 - between)
    assert _claim(warm, clock, name) is Outcome.SEEN


def test_what_any_stripe_dropped_does_not_come_back_with_the_clock(opened: Opener, clock: HandClock) -> None:
    store = opened(capacity=3300, quota=100_000, never_cold=True)
    assert store._table.geometry.stripes > 1  # type: ignore[attr-defined]
    began, names = clock.wall(), [key() for _ in range(1500)]
    assert {plain(store, clock, name) for name in names} == {Outcome.NEW}
    for _ in range(2):
        clock.advance(100)
        for _ in range(3000):
            plain(store, clock, key())
    clock.step(began + 10 - clock.wall())
    store.state()
    assert {plain(store, clock, name, issued=began) for name in names} <= {Outcome.COLD, Outcome.SEEN}


@pytest.mark.parametrize(("drift", "age"), [(0.9, 24.5), (-0.9, 25.5)])
def test_a_young_store_is_cold_until_both_clocks_say_that_it_is_not(
    opened: Opener, clock: HandClock, drift: float, age: float
) -> None:
    """A proof from ahead of the clock: only the age of the store speaks against it."""
    store = opened()
    epoch = store.state().epoch
    clock.advance(age)
    clock.step(drift)
    ahead = clock.wall() + 15
    assert plain(store, clock, key(), issued=ahead) is Outcome.COLD
    clock.advance(1)
    assert plain(store, clock, key(), issued=ahead) is Outcome.NEW
    assert store.state().epoch == epoch


@pytest.mark.parametrize("boots", [1, 2, 3])
def test_a_process_that_ends_while_it_begins_an_era_leaves_the_one_before(boots: int) -> None:
    """What it wrote until then is read as if it were not there."""

    class Ended(Exception):  # noqa: N818
        pass

    class Words(dict[int, int]):
        ending = False

        def __setitem__(self, index: int, value: int) -> None:
            if self.ending:
                raise Ended
            super().__setitem__(index, value)

    clock, words = HandClock(), Words()
    eras = [Era.first(clock, bytes(16))]
    buffer: Any = bytearray(first_page(1000, eras[0]))
    words[GENERATION] = 1
    for number in itertools.count(1):
        eras.append(eras[-1].next(clock.wall() + number, clock.monotonic(), bytes(16)))
        words.ending = number == boots
        if words.ending:
            break
        write_era(buffer, words, eras[-1])  # type: ignore[arg-type]
        assert read_era(buffer, words)[1] == eras[-1]  # type: ignore[arg-type]
    with pytest.raises(Ended):
        write_era(buffer, words, eras[-1])  # type: ignore[arg-type]
    assert read_era(buffer, words)[1] == eras[-2]  # type: ignore[arg-type]


def test_a_first_page_is_one_page_and_nothing_else_is_taken_for_one() -> None:
    page = first_page(1000, Era.first(HandClock(), bytes(16)))
    assert len(page) == FIRST_PAGE
    header = parse(page)
    assert header is not None
    assert (header.sound, header.capacity) == (True, 1000)
    assert parse(page[:-1]) is None
    assert parse(b"") is None
    assert parse(bytes(FIRST_PAGE)) is None
    assert parse(b"x" + page) is None


def test_a_system_that_names_no_boot_is_the_same_after_each(
    shared: Opener, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mfa_middleware.replay.era._BOOT_ID", tmp_path / "missing")
    epochs = []
    for _ in range(2):
        store = shared()
        epochs.append(store.state().epoch)
        store.close()
    assert epochs[0] == epochs[1]
    assert len(epochs[0]) == 16
