"""Several real Valkey servers that belong together: a primary with a replica and sentinels, and a cluster."""

from __future__ import annotations

import contextlib
from binascii import crc_hqx
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.processes import free_port, until
from tests.helpers.valkey import Valkey, running

__all__ = ["Cluster", "Sentinels", "cluster", "sentinels"]

_SLOTS = 16_384
_HOST = "127.0.0.1"
_SENTINEL = """\
sentinel monitor {name} 127.0.0.1 {port} {quorum}
sentinel down-after-milliseconds {name} 500
sentinel failover-timeout {name} 2000
"""


class Sentinels:
    """A primary, a replica, and those who watch them under the name `service`."""

    service = "the-service"

    def __init__(self, primary: Valkey, replica: Valkey, watchers: list[Valkey]) -> None:
        self.primary, self.replica, self.watchers = primary, replica, watchers

    def url(self, library: str) -> str:
        hosts = ",".join(f"{_HOST}:{watcher.port}" for watcher in self.watchers)
        return f"{library}+sentinel://{hosts}/{self.service}"

    def is_replicated(self) -> bool:
        """Whether the replica has all that the primary has written so far."""
        return self.primary.ask("WAIT", "1", "1000") == 1

    def fail_over(self, *, hang: bool = False) -> None:
        """Kill the primary without a word, or hang it, and wait until the sentinels have made the replica one."""
        if hang:
            self.primary.hang()
        else:
            self.primary.kill()
        until(lambda: _is_primary(self.replica), "the replica is promoted")
        for watcher in self.watchers:
            until(lambda one=watcher: self._named(one) == self.replica.port, "the sentinels tell the new primary")

    def _named(self, watcher: Valkey) -> int:
        return int(watcher.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)[1])


def _is_primary(server: Valkey) -> bool:
    """Whether it says so; the sentinels close the connections of a server that they promote."""
    with contextlib.suppress(OSError):
        return "role:master" in server.ask("INFO", "replication")
    return False


@contextlib.contextmanager
def sentinels(directory: Path, watchers: int = 3) -> Iterator[Sentinels]:
    """A primary, its replica, and sentinels of which most must agree, as soon as they know one another."""
    with contextlib.ExitStack() as stack:
        quick = {"repl_diskless_sync_delay": "0", "repl_ping_replica_period": "1"}
        primary = stack.enter_context(running(directory / "primary", **quick))
        replica = stack.enter_context(running(directory / "replica", **quick))
        replica.ask("REPLICAOF", _HOST, str(primary.port))
        until(lambda: "master_link_status:up" in replica.ask("INFO", "replication"), "the replica follows")
        found = Sentinels(primary, replica, [])
        for number in range(watchers):
            place, port = directory / f"sentinel-{number}", free_port()
            place.mkdir()
            text = _SENTINEL.format(name=found.service, port=primary.port, quorum=watchers // 2 + 1)
            (place / "sentinel.conf").write_text(text)
            arguments = str(place / "sentinel.conf"), "--sentinel"
            found.watchers.append(stack.enter_context(running(place, *arguments, port=port)))
        for watcher in found.watchers:
            known = f"slaves=1,sentinels={watchers}"
            until(lambda one=watcher, text=known: text in one.ask("INFO", "sentinel"), "the sentinels know all")
        yield found


class Cluster:
    """Primaries that share the slots evenly."""

    def __init__(self, nodes: list[Valkey]) -> None:
        self.nodes = nodes

    def url(self, library: str) -> str:
        return f"{library}+cluster://" + ",".join(f"{_HOST}:{node.port}" for node in self.nodes)

    def node_of(self, key: str) -> Valkey:
        """The node that keeps a key when nothing was moved."""
        return self.nodes[slot_of(key) * len(self.nodes) // _SLOTS]

    def begin_to_move(self, slot: int, source: Valkey, target: Valkey) -> None:
        """From now on the target takes the keys of the slot that the source does not have."""
        names = {node: node.ask("CLUSTER", "MYID") for node in (source, target)}
        assert target.ask("CLUSTER", "SETSLOT", str(slot), "IMPORTING", names[source]) == "OK"
        assert source.ask("CLUSTER", "SETSLOT", str(slot), "MIGRATING", names[target]) == "OK"

    def move_keys(self, slot: int, source: Valkey, target: Valkey) -> int:
        """Move the keys of the slot; how many there were."""
        keys: list[str] = source.ask("CLUSTER", "GETKEYSINSLOT", str(slot), "1000")
        for key in keys:
            assert source.ask("MIGRATE", _HOST, str(target.port), key, "0", "5000") == "OK"
        return len(keys)

    def end_move(self, slot: int, target: Valkey) -> None:
        """The slot is the target's."""
        name = target.ask("CLUSTER", "MYID")
        for node in [target, *(node for node in self.nodes if node is not target)]:
            assert node.ask("CLUSTER", "SETSLOT", str(slot), "NODE", name) == "OK"


@contextlib.contextmanager
def cluster(directory: Path, count: int = 3) -> Iterator[Cluster]:
    """Primaries of a cluster that is whole. While one is away, the others go on."""
    options = {"cluster_enabled": "yes", "cluster_node_timeout": "1000", "cluster_require_full_coverage": "no"}
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(running(directory / f"node-{n}", **options)) for n in range(count)]
        edges = [-(-number * _SLOTS // count) for number in range(count + 1)]
        for node, low, high in zip(nodes, edges, edges[1:], strict=False):
            assert node.ask("CLUSTER", "ADDSLOTSRANGE", str(low), str(high - 1)) == "OK"
            assert node.ask("CLUSTER", "MEET", _HOST, str(nodes[0].port), str(nodes[0].bus)) == "OK"
        until(lambda: all(_is_whole(node, count) for node in nodes), "the cluster is whole")
        yield Cluster(nodes)


def slot_of(key: str) -> int:
    """The slot of a key with a hash tag."""
    return crc_hqx(key.partition("{")[2].partition("}")[0].encode(), 0) % _SLOTS


def _is_whole(node: Valkey, count: int) -> bool:
    told = node.ask("CLUSTER", "INFO")
    return all(line in told for line in ("cluster_state:ok", f"cluster_known_nodes:{count}", f"slots_ok:{_SLOTS}"))
