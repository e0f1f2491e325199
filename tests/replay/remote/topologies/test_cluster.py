"""A cluster of three primaries: what each keeps, and what holds while one is away and while slots move."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay import Outcome
from tests.helpers.processes import until
from tests.helpers.valkey import Valkey
from tests.helpers.valkey_sets import Cluster, cluster, slot_of
from tests.replay.clocks import HandClock
from tests.replay.racing import key
from tests.replay.remote.opening import app_name

from .conftest import Every, Open
from .ways import Caller, Way

OWNERS = [bytes([number]) * 16 for number in range(48)]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """For tests that do it no harm."""
    with cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def shard(caller: Caller, owner: bytes) -> str:
    return f"{{mfa:{caller.app}:{owner[0] % 16}}}"


def outcome(caller: Caller, name: bytes, owner: bytes, **given: Any) -> Outcome | None:
    """None where the store does not answer."""
    try:
        return caller.nonced(name, owner=owner, **given)
    except StoreError:
        return None


def test_owners_are_spread_over_shards_and_those_over_nodes(opened: Open, calm: Cluster) -> None:
    before = {node: node.ask("DBSIZE") for node in calm.nodes}
    caller = opened(calm.url("valkey"))
    shards = Counter(calm.node_of(name) for name in {shard(caller, owner) for owner in OWNERS})
    assert [caller.nonced(key(n), owner=owner) for n, owner in enumerate(OWNERS)] == [Outcome.NEW] * len(OWNERS)
    assert [caller.nonced(key(n), owner=owner) for n, owner in enumerate(OWNERS)] == [Outcome.RETRIED] * len(OWNERS)
    assert sum(shards.values()) == 16
    for node in calm.nodes:  # each shard has its state, and one window or two
        assert 2 * shards[node] <= node.ask("DBSIZE") - before[node] <= 3 * shards[node]


def test_one_node_is_enough_to_find_the_others(opened: Open, calm: Cluster) -> None:
    for node in calm.nodes:
        caller = opened(f"valkey+cluster://127.0.0.1:1,127.0.0.1:{node.port}")
        assert {caller.nonced(key(1), owner=owner) for owner in OWNERS[:16]} == {Outcome.NEW}


def test_one_winner_a_key_whoever_asks_at_the_same_time(calm: Cluster) -> None:
    app, keys, deadline = app_name(), 300, time.time() + 60
    given = {"app": app, "capacity": 100_000, "quota": 100_000, "never_cold": True}
    callers = [Way(library, None).open(calm.url("valkey"), **given) for library in ("redis", "valkey")]

    def present(number: int) -> list[int]:
        store = callers[number % 2].store
        names = [(name * 7 + number * 31) % keys for name in range(keys)]
        return [n for n in names if store.claim(key(n), OWNERS[n % 48], 90.0, None, deadline) is Outcome.NEW]

    with ThreadPoolExecutor(8) as pool:
        won = Counter(name for names in pool.map(present, range(8)) for name in names)
    for caller in callers:
        caller.close()
    assert won == Counter(range(keys))


def test_while_a_node_is_away_the_others_go_on_and_nothing_counts_again(every: Every, tmp_path: Path) -> None:
    with cluster(tmp_path) as found:
        callers = every(found.url("valkey"), timeout=1.0)
        lost = found.nodes[1]
        epochs = [{owner: caller.state(owner).epoch for owner in OWNERS[:16]} for caller in callers]
        used = {Outcome.RETRIED, Outcome.COLD}
        for caller in callers:
            assert {outcome(caller, key(1), owner) for owner in OWNERS[:16]} == {Outcome.NEW}

        lost.kill()

        for caller in callers:
            for name in range(10, 14):
                for owner in OWNERS[:16]:
                    is_lost = found.node_of(shard(caller, owner)) is lost
                    assert outcome(caller, key(name), owner) is (None if is_lost else Outcome.NEW)

        lost.start()

        for caller, known in zip(callers, epochs, strict=True):
            for owner in OWNERS[:16]:
                until(lambda c=caller, o=owner: outcome(c, key(20), o) is not None, "the shard is back", every=0.2)
                assert outcome(caller, key(20), owner) is Outcome.RETRIED
                assert outcome(caller, key(1), owner, epoch=known[owner]) in used
                assert outcome(caller, key(10), owner, epoch=known[owner]) in used


def test_a_node_that_hangs_keeps_nobody_waiting_but_those_of_its_shards(every: Every, tmp_path: Path) -> None:
    with cluster(tmp_path) as found:
        callers = every(found.url("valkey"), app="shop", timeout=1.0)
        lost = found.node_of("{mfa:shop:0}")
        away = [owner for owner in OWNERS[:16] if found.node_of(f"{{mfa:shop:{owner[0]}}}") is lost]
        there = [owner for owner in OWNERS[:16] if owner not in away]
        for number, caller in enumerate(callers):
            assert {outcome(caller, key(number), owner) for owner in OWNERS[:16]} == {Outcome.NEW}
        lost.hang()
        for number, caller in enumerate(callers, 10):
            assert outcome(caller, key(number), away[0]) is None
            begun = time.monotonic()
            assert {outcome(caller, key(number), owner) for owner in there} == {Outcome.NEW}
            assert time.monotonic() - begun < 0.9


class TestMovedSlots:
    OWNER = OWNERS[0]

    @pytest.fixture
    def moving(self, opened: Open, calm: Cluster) -> tuple[Caller, HandClock, int, Valkey, Valkey]:
        """A caller whose store is warm, the slot of its shard, where that is, and where it goes."""
        clock = HandClock()
        caller = opened(calm.url("valkey"), clock, timeout=1.0)
        caller.state(self.OWNER)
        clock.advance(26)
        source = calm.node_of(shard(caller, self.OWNER))
        target = next(node for node in calm.nodes if node is not source)
        return caller, clock, slot_of(shard(caller, self.OWNER)), source, target

    def test_no_proof_counts_twice_before_during_or_after(self, moving: Any, calm: Cluster) -> None:
        caller, clock, slot, source, target = moving
        used, epoch = clock.wall(), caller.state(self.OWNER).epoch
        assert caller.plain(key(1), owner=self.OWNER) is Outcome.NEW
        assert outcome(caller, key(2), self.OWNER) is Outcome.NEW

        def is_refused() -> bool:
            return not self.accepted(caller, used, epoch)

        calm.begin_to_move(slot, source, target)
        assert is_refused()
        assert calm.move_keys(slot, source, target) >= 2
        assert is_refused()
        calm.end_move(slot, target)
        until(lambda: outcome(caller, key(3), self.OWNER) is not None, "the shard is back", every=0.2)
        for _ in range(13):
            assert is_refused()
            clock.advance(10)
        assert caller.plain(key(4), owner=self.OWNER) is Outcome.NEW

    def test_nor_where_the_keys_stay_behind(self, moving: Any, calm: Cluster) -> None:
        caller, clock, slot, source, target = moving
        used, epoch = clock.wall(), caller.state(self.OWNER).epoch
        assert caller.plain(key(1), owner=self.OWNER) is Outcome.NEW
        assert outcome(caller, key(2), self.OWNER) is Outcome.NEW
        for name in source.ask("CLUSTER", "GETKEYSINSLOT", str(slot), "100"):
            source.ask("DEL", name)
        calm.begin_to_move(slot, source, target)
        calm.end_move(slot, target)
        until(lambda: outcome(caller, key(3), self.OWNER) is not None, "the shard is back", every=0.2)
        assert not self.accepted(caller, used, epoch)

    def accepted(self, caller: Caller, used: float, epoch: bytes) -> list[Outcome]:
        """What of the proofs that were used counts again."""
        found = [outcome(caller, key(2), self.OWNER, epoch=epoch)]
        with contextlib.suppress(StoreError):
            found.append(caller.plain(key(1), owner=self.OWNER, issued=used))
        return [each for each in found if each is Outcome.NEW]


class TestWrongAddress:
    def test_a_node_under_the_scheme_of_a_single_server(self, way: Way, calm: Cluster) -> None:
        away = next(n for n in calm.nodes if n is not calm.node_of("{mfa:shop}"))
        with pytest.raises(ConfigurationError, match=rf"write {way.library}\+cluster://"):
            way.open(f"valkey://127.0.0.1:{away.port}", app="shop")

    def test_a_single_server_under_the_scheme_of_a_cluster(self, way: Way, calm_valkey: Valkey) -> None:
        with pytest.raises(ConfigurationError, match=f"it is no cluster; write {way.library}://"):
            way.open(f"valkey+cluster://127.0.0.1:{calm_valkey.port}")


def test_the_rights_that_a_user_needs_beside_those_of_a_single_server(way: Way, calm: Cluster) -> None:
    rights = "+eval +evalsha +time +info +hmget +hset +hget +hincrby +exists +expire +unlink"
    for node in calm.nodes:
        node.ask("ACL", "SETUSER", "mfa", "on", ">password", "~{mfa:*", "nocommands", *rights.split())
    url = calm.url("valkey").replace("//", "//mfa:password@")
    with pytest.raises(ConfigurationError, match="refuses: "):
        way.open(url)
    for node in calm.nodes:
        node.ask("ACL", "SETUSER", "mfa", "+cluster|slots")
    caller = way.open(url)
    assert {caller.nonced(key(1), owner=owner) for owner in OWNERS[:16]} == {Outcome.NEW}
    caller.close()
