"""What every store promises."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome, ReplayStore
from tests.replay.clocks import HandClock
from tests.replay.using import OWNER, Opener, key, nonced, plain

HERE, THERE, FAR = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]), bytes.fromhex("20010db8000000000000000000000001")


def test_a_proof_is_accepted_once(warm: ReplayStore, clock: HandClock) -> None:
    name = key()
    assert plain(warm, clock, name) is Outcome.NEW
    assert [plain(warm, clock, name) for _ in range(3)] == [Outcome.SEEN] * 3


@pytest.mark.parametrize("seconds", [1.0, 90.0, 135.0, 150.0])
def test_an_entry_is_kept_for_its_seconds_and_little_longer(
    warm: ReplayStore, clock: HandClock, seconds: float
) -> None:
    name, far = key(), clock.wall() + 1000
    assert warm.claim(name, OWNER, seconds, None, far) is Outcome.NEW
    clock.advance(seconds)
    assert warm.claim(name, OWNER, seconds, None, far) is Outcome.SEEN
    clock.advance(4 if warm.shared_by != "cluster" else 184)  # on a server an entry goes with all of its window
    assert warm.claim(name, OWNER, seconds, None, far) is Outcome.NEW


@pytest.mark.parametrize("seconds", [0.0, -1.0, 150.1, math.nan, math.inf])
def test_seconds_out_of_range_are_an_error_of_the_program(warm: ReplayStore, seconds: float) -> None:
    with pytest.raises(ValueError, match="at most 150"):
        warm.claim(key(), OWNER, seconds, None, math.inf)


def test_a_proof_past_its_deadline_is_stale(warm: ReplayStore, clock: HandClock) -> None:
    assert warm.claim(key(), OWNER, 90.0, warm.state().epoch, clock.wall()) is Outcome.NEW
    assert warm.claim(key(), OWNER, 90.0, warm.state().epoch, clock.wall() - 0.001) is Outcome.STALE
    assert warm.claim(key(), OWNER, 90.0, warm.state().epoch, math.nan) is Outcome.STALE


def test_the_deadline_is_met_by_the_reading_of_the_claim(warm: ReplayStore, clock: HandClock) -> None:
    name, deadline = key(), clock.wall() + 60
    clock.advance(90)
    assert warm.claim(name, OWNER, 90.0, None, deadline) is Outcome.STALE


def test_a_new_store_is_cold_but_for_proofs_with_its_nonce(opened: Opener, clock: HandClock) -> None:
    store = opened()
    assert plain(store, clock, key()) is Outcome.COLD
    assert nonced(store, clock, key()) is Outcome.NEW
    assert nonced(store, clock, key(), epoch=bytes(16)) is Outcome.COLD
    clock.advance(24.9)
    assert plain(store, clock, key()) is Outcome.COLD
    clock.advance(0.1)
    assert plain(store, clock, key()) is Outcome.NEW
    assert nonced(store, clock, key(), epoch=bytes(16)) is Outcome.COLD


def test_a_proof_that_an_earlier_life_may_have_accepted_stays_cold(opened: Opener, clock: HandClock) -> None:
    store, began = opened(), clock.wall()
    clock.advance(40)
    assert plain(store, clock, key(), issued=began - 10) is Outcome.COLD
    assert plain(store, clock, key(), issued=began + 24.9) is Outcome.COLD
    assert plain(store, clock, key(), issued=began + 25) is Outcome.NEW


def test_a_proof_from_ahead_of_the_clock_is_cold_as_well(opened: Opener, clock: HandClock) -> None:
    store = opened()
    clock.advance(12)
    assert plain(store, clock, key(), issued=clock.wall() + 15) is Outcome.COLD


def test_a_first_try_is_never_cold(opened: Opener, clock: HandClock) -> None:
    store = opened(never_cold=True)
    assert plain(store, clock, key()) is Outcome.NEW
    assert nonced(store, clock, key(), epoch=bytes(16)) is Outcome.COLD


def test_an_answer_other_than_new_uses_nothing_up(opened: Opener, clock: HandClock) -> None:
    store, name = opened(), key()
    assert plain(store, clock, name) is Outcome.COLD
    assert store.claim(name, OWNER, 90.0, store.state().epoch, clock.wall() - 1) is Outcome.STALE
    assert nonced(store, clock, name) is Outcome.NEW


def test_the_first_reason_in_the_order_of_the_contract_is_given(opened: Opener, clock: HandClock) -> None:
    store = opened(capacity=40, quota=10)
    epoch, past, ahead = store.state().epoch, clock.wall() - 1, clock.wall() + 60
    names = [key() for _ in range(10)]
    assert {store.claim(name, OWNER, 90.0, epoch, ahead) for name in names} == {Outcome.NEW}
    assert store.claim(names[0], OWNER, 90.0, None, past) is Outcome.STALE
    assert store.claim(names[0], OWNER, 90.0, None, ahead) is Outcome.COLD
    assert store.claim(names[0], OWNER, 90.0, epoch, ahead) is Outcome.SEEN
    others = iter(range(1000))
    while store.claim(key(), f"{next(others) // 10}".encode(), 90.0, epoch, ahead) is not Outcome.FULL:
        pass
    assert {store.claim(key(), OWNER, 90.0, epoch, ahead) for _ in range(50)} == {Outcome.QUOTA}
    assert store.claim(names[0], OWNER, 90.0, epoch, ahead) is Outcome.SEEN


def test_a_key_is_seen_whoever_owns_it(warm: ReplayStore, clock: HandClock) -> None:
    name = key()
    assert plain(warm, clock, name, owner=b"one") is Outcome.NEW
    assert plain(warm, clock, name, owner=b"other") is Outcome.SEEN


@pytest.mark.parametrize("claim", [plain, nonced])
@pytest.mark.parametrize("peer", [HERE, FAR])
@pytest.mark.parametrize("off", [0.0, 0.7, 1.3])
def test_a_proof_that_its_peer_sends_again_within_seconds_is_a_retry(
    warm: ReplayStore, clock: HandClock, claim: Callable[..., Outcome], peer: bytes, off: float
) -> None:
    clock.advance(off)
    name, issued = key(), clock.wall()

    def again() -> Outcome:
        return warm.claim(name, OWNER, 90.0, None, issued + 60, peer) if claim is plain else nonced_again()

    def nonced_again() -> Outcome:
        return warm.claim(name, OWNER, 135.0, warm.state().epoch, issued + 120, peer)

    assert claim(warm, clock, name, peer=peer) is Outcome.NEW
    for seconds in (0.0, 4.0, 3.9):
        clock.advance(seconds)
        assert again() is Outcome.RETRIED
    for seconds in (2.1, 1.0, 30.0):
        clock.advance(seconds)
        assert again() is Outcome.SEEN


def test_a_proof_that_comes_again_from_elsewhere_is_no_retry(warm: ReplayStore, clock: HandClock) -> None:
    name = key()
    assert plain(warm, clock, name, peer=HERE) is Outcome.NEW
    for peer in (THERE, FAR, HERE[:3], HERE + HERE):
        assert plain(warm, clock, name, peer=peer) is Outcome.SEEN
    assert plain(warm, clock, name, peer=HERE) is Outcome.RETRIED


def test_a_peer_that_is_not_known_makes_no_retry(warm: ReplayStore, clock: HandClock) -> None:
    name, other = key(), key()
    assert [plain(warm, clock, name), plain(warm, clock, name)] == [Outcome.NEW, Outcome.SEEN]
    assert plain(warm, clock, name, peer=HERE) is Outcome.SEEN
    assert plain(warm, clock, other, peer=HERE) is Outcome.NEW
    assert plain(warm, clock, other) is Outcome.SEEN


def test_a_retry_is_one_whoever_owns_it(warm: ReplayStore, clock: HandClock) -> None:
    name = key()
    assert plain(warm, clock, name, owner=b"one", peer=HERE) is Outcome.NEW
    assert plain(warm, clock, name, owner=b"other", peer=HERE) is Outcome.RETRIED
    assert plain(warm, clock, name, owner=b"other", peer=THERE) is Outcome.SEEN


def test_each_entry_has_its_own_peer(warm: ReplayStore, clock: HandClock) -> None:
    peers = {key(): bytes([192, 0, 2, number]) for number in range(200)}
    assert {plain(warm, clock, name, peer=peer) for name, peer in peers.items()} == {Outcome.NEW}
    assert {plain(warm, clock, name, peer=peer) for name, peer in peers.items()} == {Outcome.RETRIED}
    assert {plain(warm, clock, name, peer=FAR) for name in peers} == {Outcome.SEEN}


def test_a_retry_costs_its_owner_nothing(opened: Opener, clock: HandClock) -> None:
    store, name = opened(quota=2), key()
    assert nonced(store, clock, name, peer=HERE) is Outcome.NEW
    assert {nonced(store, clock, name, peer=HERE) for _ in range(20)} == {Outcome.RETRIED}
    assert [nonced(store, clock, key(), peer=HERE) for _ in range(2)] == [Outcome.NEW, Outcome.QUOTA]


def test_keys_of_any_length_are_told_apart(warm: ReplayStore, clock: HandClock) -> None:
    names = [b"", b"\0", b"\0\0", b"a" * 15, b"a" * 16, b"a" * 17, b"a" * 1000, b"a" * 1001, b"a" * 999 + b"b"]
    assert [plain(warm, clock, name) for name in names] == [Outcome.NEW] * len(names)
    assert [plain(warm, clock, name) for name in names] == [Outcome.SEEN] * len(names)


def test_epoch_and_secret_stay_and_are_the_stores_own(opened: Opener, clock: HandClock) -> None:
    store, other = opened(), opened()
    state = store.state()
    clock.advance(10_000)
    plain(store, clock, key())
    assert store.state() == state
    assert (len(state.epoch), len(state.secret)) == (16, 32)
    assert {state.epoch, state.secret}.isdisjoint({other.state().epoch, other.state().secret})
    assert state.secret.hex() not in repr(state)
    assert repr(state.secret) not in repr(state)


def test_a_closed_store_answers_nothing(opened: Opener, clock: HandClock) -> None:
    store = opened()
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        plain(store, clock, key())
    with pytest.raises(StoreError, match="closed"):
        store.state()


@pytest.mark.parametrize(("capacity", "quota"), [(0, 1), (-1, 1), (10, 0), (10**9, 1)])
def test_a_store_needs_room(opened: Opener, capacity: int, quota: int) -> None:
    from mfa_middleware.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="replay store is"):
        opened(capacity=capacity, quota=quota or -1)
