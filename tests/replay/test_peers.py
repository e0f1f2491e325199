"""A table keeps of a peer just enough to know it again."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from mfa_middleware.replay import Outcome
from mfa_middleware.replay.memory import MemoryStore
from mfa_middleware.replay.peers import UNKNOWN, Peers
from tests.replay.clocks import HandClock
from tests.replay.using import Opener, key, nonced, plain

HERE = bytes.fromhex("20010db8000000000000000000000001")
THERE = bytes.fromhex("20010db8000000000000000000000002")


def test_a_retry_is_known_to_all_workers(shared: Opener, clock: HandClock) -> None:
    one, other, name = shared(), shared(), key()
    assert nonced(one, clock, name, peer=HERE) is Outcome.NEW
    assert nonced(other, clock, name, peer=HERE) is Outcome.RETRIED
    assert nonced(other, clock, name, peer=THERE) is Outcome.SEEN


def test_a_retry_is_known_after_a_restart(shared: Opener, clock: HandClock) -> None:
    store, name = shared(), key()
    assert nonced(store, clock, name, peer=HERE) is Outcome.NEW
    store.close()
    again = shared()
    assert nonced(again, clock, name, peer=HERE) is Outcome.RETRIED
    assert nonced(again, clock, name, peer=THERE) is Outcome.SEEN


def test_no_address_is_in_the_file(shared: Opener, clock: HandClock) -> None:
    store: Any = shared()
    before = store.path.read_bytes()
    assert nonced(store, clock, key(), peer=HERE) is Outcome.NEW
    after = store.path.read_bytes()
    assert before != after
    assert HERE not in after
    assert HERE[:4] not in after


@pytest.mark.parametrize("seconds", [-8.0, -3.0, 3.0, 3600.0])
def test_just_after_a_clock_was_set_nothing_is_taken_for_a_retry(clock: HandClock, seconds: float) -> None:
    """What an entry was dated by has gone, so its age cannot be told for as long as it may live."""
    store, name, issued = MemoryStore(capacity=50, quota=50, never_cold=True, clock=clock), key(), clock.wall()
    assert plain(store, clock, name, peer=HERE) is Outcome.NEW
    clock.step(seconds)
    for _ in range(3):
        assert store.claim(name, b"", 90.0, None, clock.wall() + 60, HERE) is Outcome.SEEN
        clock.advance(3)
    clock.advance(160)
    late = key()
    assert clock.wall() > issued
    assert [plain(store, clock, late, peer=HERE) for _ in range(2)] == [Outcome.NEW, Outcome.RETRIED]
    store.close()


@pytest.mark.parametrize(("drift", "outcome"), [(-0.9, Outcome.RETRIED), (0.9, Outcome.RETRIED)])
def test_a_drift_of_the_clocks_is_no_reason_for_an_alarm(clock: HandClock, drift: float, outcome: Outcome) -> None:
    store, name = MemoryStore(capacity=50, quota=50, never_cold=True, clock=clock), key()
    assert plain(store, clock, name, peer=HERE) is Outcome.NEW
    clock.step(drift)
    assert plain(store, clock, name, peer=HERE) is outcome
    store.close()


def test_an_entry_that_seems_to_come_from_the_future_is_no_retry(clock: HandClock) -> None:
    """The same proof is kept for the same time; two workers with other settings may differ."""
    store, name = MemoryStore(capacity=50, quota=50, never_cold=True, clock=clock), key()
    assert store.claim(name, b"", 135.0, None, clock.wall() + 60, HERE) is Outcome.NEW
    assert store.claim(name, b"", 90.0, None, clock.wall() + 60, HERE) is Outcome.SEEN
    store.close()


def test_what_stands_for_a_peer_is_known_to_nobody_outside() -> None:
    addresses = [bytes([10, 0, high, low]) for high in range(4) for low in range(256)]
    one, same, other = Peers(b"k" * 32), Peers(b"k" * 32), Peers(b"o" * 32)
    standing = [one[peer] for peer in addresses]
    assert standing == [same[peer] for peer in addresses]
    assert sum(a == other[peer] for a, peer in zip(standing, addresses, strict=True)) < 5
    assert all(UNKNOWN < each <= 0xFFFF for each in standing)
    assert len(set(standing)) > 1000
    assert one[b""] == UNKNOWN


@pytest.mark.parametrize("least", [True, False])
def test_whatever_the_hash_a_peer_has_a_number_of_two_bytes_that_is_not_unknown(
    monkeypatch: pytest.MonkeyPatch, least: bool
) -> None:
    class Hash:
        def digest(self) -> bytes:
            return (0 if least else 0xFFFF - 1).to_bytes(8, "little")

    monkeypatch.setattr(hashlib, "blake2b", lambda *_, **__: Hash())
    assert Peers(b"k" * 32)[HERE] == (1 if least else 0xFFFF)


def test_callers_from_everywhere_do_not_fill_the_memory() -> None:
    peers = Peers(b"k" * 32)
    first = peers[HERE]
    for number in range(10_000):
        peers[number.to_bytes(16, "big")]
    assert len(peers) <= 4096
    assert peers[HERE] == first
    assert peers[b""] == UNKNOWN
