"""What the step on the server holds against: lost memory, clocks, evictions, greed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from multiprocessing import get_context

import pytest

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay import Outcome
from mfa_middleware.replay.remote.store import RemoteStore
from tests.helpers.valkey import Valkey
from tests.replay.clocks import HandClock
from tests.replay.racing import run_in_child
from tests.replay.remote.opening import app_name, closed, keys_of, opened
from tests.replay.using import OWNER, key, nonced, plain


@pytest.fixture
def app() -> str:
    return app_name()


@pytest.fixture
def store(calm_valkey: Valkey, clock: HandClock, app: str) -> RemoteStore:
    """A store that is no longer cold."""
    store = opened(calm_valkey, clock, app=app)
    clock.advance(25)
    return store


def _used(store: RemoteStore, clock: HandClock) -> tuple[bytes, bytes, bytes]:
    """A proof without a nonce and one with, both used, and the epoch of the latter."""
    one, other, epoch = key(), key(), store.state().epoch
    assert plain(store, clock, one) is Outcome.NEW
    assert nonced(store, clock, other, epoch=epoch) is Outcome.NEW
    return one, other, epoch


@pytest.mark.parametrize("part", ["all", "state", "windows"])
def test_a_store_that_lost_anything_begins_anew(
    calm_valkey: Valkey, store: RemoteStore, clock: HandClock, app: str, part: str
) -> None:
    before, issued = store.state(), clock.wall()
    one, other, epoch = _used(store, clock)
    names = keys_of(app)
    calm_valkey.ask("DEL", *{"all": names, "state": names[:1], "windows": names[1:]}[part])
    assert plain(store, clock, one, issued=issued) is Outcome.COLD
    assert nonced(store, clock, other, epoch=epoch) is Outcome.COLD
    assert store.state().epoch != before.epoch
    assert store.state().secret == before.secret
    assert nonced(store, clock, key()) is Outcome.NEW
    clock.advance(25)
    assert plain(store, clock, one, issued=issued) is Outcome.COLD
    assert plain(store, clock, key()) is Outcome.NEW


def test_one_window_that_is_gone_is_enough(calm_valkey: Valkey, store: RemoteStore, clock: HandClock, app: str) -> None:
    for _ in range(4):
        _used(store, clock)
        clock.advance(20)
    windows = [name for name in keys_of(app)[1:] if calm_valkey.ask("EXISTS", name)]
    one, issued = key(), clock.wall()
    assert plain(store, clock, one) is Outcome.NEW
    calm_valkey.ask("DEL", windows[-1])
    assert plain(store, clock, one, issued=issued) is Outcome.COLD


def test_another_run_of_the_server_begins_anew(
    calm_valkey: Valkey, store: RemoteStore, clock: HandClock, app: str
) -> None:
    """A server that saved to disk and was restarted may lack the last second, a replica that took over as well."""
    one, issued = key(), clock.wall()
    assert plain(store, clock, one) is Outcome.NEW
    calm_valkey.ask("HSET", keys_of(app)[0], "server", "another")
    assert plain(store, clock, one, issued=issued) is Outcome.COLD
    assert plain(store, clock, key()) is Outcome.COLD
    assert nonced(store, clock, key()) is Outcome.NEW


def test_windows_that_are_past_are_given_back_to_the_server(
    calm_valkey: Valkey, store: RemoteStore, clock: HandClock, app: str
) -> None:
    for _ in range(40):
        assert plain(store, clock, key()) is Outcome.NEW
        clock.advance(30)
    assert sum(calm_valkey.ask("EXISTS", name) for name in keys_of(app)[1:]) <= 8
    clock.advance(200)
    assert plain(store, clock, key()) is Outcome.NEW
    assert sum(calm_valkey.ask("EXISTS", name) for name in keys_of(app)[1:]) == 1
    present = [name for name in keys_of(app)[1:] if calm_valkey.ask("EXISTS", name)]
    assert all(0 < calm_valkey.ask("TTL", name) <= 300 for name in present)
    assert {calm_valkey.ask("HGET", name, "=") for name in present} == {"1"}


def test_an_app_that_rests_is_not_cold_when_it_comes_back(store: RemoteStore, clock: HandClock) -> None:
    state = store.state()
    _used(store, clock)
    clock.advance(86_400)
    assert plain(store, clock, key()) is Outcome.NEW
    assert store.state() == state


def test_no_two_beginnings_are_one_epoch_also_in_workers_that_were_forked(calm_valkey: Valkey, app: str) -> None:
    """Else a nonce of the first would count again after the second loss, and with it a proof that was used."""
    store = opened(calm_valkey, app=app)
    epochs = [store.state().epoch]
    for _ in range(3):
        calm_valkey.ask("DEL", *keys_of(app))
        epochs.append(run_in_child(get_context("fork"), _epoch_in_child, store))
    assert len(set(epochs)) == 4
    store.close()


def _epoch_in_child(store: RemoteStore) -> bytes:
    store._shards[0]._heard = float("-inf")
    return store.refresh().epoch


class TestClock:
    @staticmethod
    def _set_off(calm_valkey: Valkey, app: str, seconds: float) -> None:
        calm_valkey.ask("SET", f"{keys_of(app)[0]}:offset", str(seconds))

    def test_a_server_whose_clock_is_set_back_begins_anew(
        self, calm_valkey: Valkey, store: RemoteStore, clock: HandClock, app: str
    ) -> None:
        one, other, epoch = _used(store, clock)
        issued = clock.wall()
        self._set_off(calm_valkey, app, -4.0)
        assert plain(store, clock, one, issued=issued) is Outcome.COLD
        assert nonced(store, clock, other, epoch=epoch) is Outcome.COLD
        assert nonced(store, clock, key()) is Outcome.NEW

    def test_when_all_clocks_are_set_back_no_proof_counts_again_later(
        self, store: RemoteStore, clock: HandClock
    ) -> None:
        one, issued = key(), clock.wall()
        assert plain(store, clock, one) is Outcome.NEW
        clock.step(-3600)
        assert [nonced(store, clock, key()) for _ in range(2)] == [Outcome.COLD, Outcome.NEW]
        for _ in range(36):
            clock.advance(100)
            assert plain(store, clock, one, issued=issued) is Outcome.COLD

    @pytest.mark.parametrize("seconds", [-1.5, 5.0, 9.9])
    def test_a_clock_that_is_a_little_off_disturbs_nobody(
        self, calm_valkey: Valkey, store: RemoteStore, clock: HandClock, app: str, seconds: float
    ) -> None:
        clock.advance(5)
        state = store.state()
        self._set_off(calm_valkey, app, seconds)
        assert plain(store, clock, key()) is Outcome.NEW
        assert store.state() == state

    @pytest.mark.parametrize(("seconds", "told"), [(-10.1, "ahead of"), (3600.0, "behind")])
    def test_a_host_whose_clock_is_not_the_servers_is_told(
        self, calm_valkey: Valkey, store: RemoteStore, clock: HandClock, app: str, seconds: float, told: str
    ) -> None:
        one, issued, state = key(), clock.wall(), store.state()
        assert plain(store, clock, one) is Outcome.NEW
        self._set_off(calm_valkey, app, seconds)
        with pytest.raises(StoreError, match=f"clock is {abs(seconds):.1f} s {told} that of the replay store"):
            plain(store, clock, key())
        self._set_off(calm_valkey, app, 0)
        assert plain(store, clock, one, issued=issued) is Outcome.SEEN
        assert store.state() == state

    @pytest.mark.parametrize("ahead", [0.0, 5.0, 10.0])
    @pytest.mark.parametrize("behind", [0.0, 5.0, 10.0])
    def test_a_proof_counts_once_whichever_host_it_comes_to_later(
        self, calm_valkey: Valkey, app: str, ahead: float, behind: float
    ) -> None:
        """One host's clock is ahead of the server's and another's is behind it; so is the proof, as far as may be."""
        start, name = HandClock().wall(), key()
        clocks = HandClock(start + ahead), HandClock(start - behind)
        stores = [opened(calm_valkey, clock, app=app) for clock in clocks]
        seen = Counter[Outcome]()
        deadline = start + 25 + ahead + 15 + 60
        for second in range(240):
            for clock, store, off in zip(clocks, stores, (-ahead, behind), strict=True):
                self._set_off(calm_valkey, app, off)
                if second >= 25:
                    seen[store.claim(name, OWNER, 90.0, None, deadline)] += 1
                clock.advance(1)
        assert seen[Outcome.NEW] == 1
        assert set(seen) <= {Outcome.NEW, Outcome.SEEN, Outcome.STALE, Outcome.COLD}


class TestPolicy:
    @pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
    def test_a_server_that_evicts_is_refused_at_the_start(self, valkey: Valkey, policy: str) -> None:
        valkey.set("maxmemory-policy", policy)
        with pytest.raises(ConfigurationError, match=f"MFA_REPLAY_STORE: .*maxmemory-policy is {policy}.*noeviction"):
            opened(valkey)

    def test_one_that_is_set_to_evict_is_noticed_within_a_second(self, valkey: Valkey, clock: HandClock) -> None:
        store = opened(valkey, clock)
        one, epoch = key(), store.state().epoch
        assert nonced(store, clock, one) is Outcome.NEW
        valkey.set("maxmemory-policy", "allkeys-lru")
        clock.advance(1.1)
        with pytest.raises(StoreError, match="maxmemory-policy is allkeys-lru"):
            nonced(store, clock, key())
        valkey.set("maxmemory-policy", "noeviction")
        assert nonced(store, clock, one, epoch=epoch) is Outcome.SEEN
        store.close()

    def test_what_was_evicted_meanwhile_is_not_accepted_again(self, valkey: Valkey, clock: HandClock) -> None:
        store = opened(valkey, clock, capacity=100_000, quota=100_000)
        names, epoch = [key() for _ in range(300)], store.state().epoch
        for name in names:
            assert nonced(store, clock, name, epoch=epoch) is Outcome.NEW
        valkey.set("maxmemory-policy", "allkeys-random")
        valkey.set("maxmemory", "1")
        valkey.ask("SET", "foreign", "x")
        valkey.set("maxmemory", "0")
        valkey.set("maxmemory-policy", "noeviction")
        clock.advance(2)
        assert {nonced(store, clock, name, epoch=epoch) for name in names} == {Outcome.COLD}
        store.close()

    def test_a_server_without_memory_answers_full(self, valkey: Valkey, clock: HandClock) -> None:
        store = opened(valkey, clock)
        one = key()
        assert nonced(store, clock, one) is Outcome.NEW
        valkey.set("maxmemory", "1")
        assert nonced(store, clock, key()) is Outcome.FULL
        assert nonced(store, clock, one) is Outcome.SEEN
        valkey.set("maxmemory", "0")
        assert nonced(store, clock, key()) is Outcome.NEW
        store.close()


class TestShares:
    def test_a_greedy_machine_has_its_quota_and_the_others_theirs(self, calm_valkey: Valkey, clock: HandClock) -> None:
        store = opened(calm_valkey, clock, capacity=1000, quota=250)
        greedy = Counter(nonced(store, clock, key(), owner=b"greedy") for _ in range(400))
        assert greedy == {Outcome.NEW: 250, Outcome.QUOTA: 150}
        assert {nonced(store, clock, key(), owner=b"other %d" % n) for n in range(100)} == {Outcome.NEW}
        clock.advance(200)
        assert nonced(store, clock, key(), owner=b"greedy") is Outcome.NEW

    def test_above_four_fifths_each_share_shrinks(self, calm_valkey: Valkey, clock: HandClock) -> None:
        store = opened(calm_valkey, clock, capacity=1000, quota=250)
        for owner in (b"a", b"b", b"c", b"d"):
            for _ in range(230):
                nonced(store, clock, key(), owner=owner)
        assert {nonced(store, clock, key(), owner=owner) for owner in (b"a", b"b")} == {Outcome.QUOTA}
        small = [nonced(store, clock, key(), owner=b"small %d" % n) for n in range(200)]
        accepted = small.count(Outcome.NEW)
        assert 60 <= accepted <= 120
        assert set(small[accepted:]) == {Outcome.FULL}

    def test_many_greedy_machines_leave_room_as_well(self, calm_valkey: Valkey, clock: HandClock) -> None:
        store = opened(calm_valkey, clock, capacity=1000, quota=250)
        for _ in range(60):
            for owner in range(20):
                nonced(store, clock, key(), owner=b"greedy %d" % owner)
        small = [nonced(store, clock, key(), owner=b"small %d" % n) for n in range(200)]
        assert small.count(Outcome.NEW) >= 60

    def test_a_crowd_that_comes_at_once_finds_no_more_room(self, calm_valkey: Valkey) -> None:
        store = opened(calm_valkey, capacity=100, quota=100, never_cold=True)

        async def crowd() -> Counter[Outcome]:
            deadline = time.time() + 60
            claims = [store.claim_async(key(), b"owner %d" % n, 90.0, None, deadline) for n in range(500)]
            outcomes = Counter(await asyncio.gather(*claims))
            await closed(store)
            return outcomes

        assert asyncio.run(crowd()) == {Outcome.NEW: 100, Outcome.FULL: 400}


def test_two_apps_on_a_server_do_not_mix(calm_valkey: Valkey, clock: HandClock) -> None:
    one, other = opened(calm_valkey, clock), opened(calm_valkey, clock)
    name = key()
    assert nonced(one, clock, name) is Outcome.NEW
    assert nonced(other, clock, name) is Outcome.NEW
    assert one.state() != other.state()


def test_stores_of_an_app_are_one(calm_valkey: Valkey, clock: HandClock, app: str) -> None:
    one, other = (opened(calm_valkey, clock, app=app) for _ in range(2))
    name = key()
    assert one.state() == other.state()
    assert nonced(one, clock, name) is Outcome.NEW
    assert nonced(other, clock, name) is Outcome.SEEN
