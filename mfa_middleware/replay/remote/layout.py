"""Which node of a cluster keeps which slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final

from mfa_middleware.replay.remote.routing import Node, Routing, Way

__all__ = ["Layout"]

_HOPS: Final = 4
_SLOTS: Final = ("CLUSTER", "SLOTS")


class Layout(Routing):
    """A cluster; `slot_of` tells which slot a key is in.

    While a slot moves from one node to another, neither of them judges, and its claims fail (ASK, TRYAGAIN).
    """

    def __init__(
        self, seeds: Sequence[Node], errors: ModuleType, timeout: float, slot_of: Callable[[bytes], int]
    ) -> None:
        super().__init__(seeds, errors, timeout)
        self._slot_of = slot_of
        self._ranges: Sequence[tuple[int, int, Node]] = ()
        self._moved: dict[int, Node] = {}
        self._known: Sequence[Node] = self.seeds
        self._turn = 0

    @property
    def nodes(self) -> Sequence[Node]:
        """Those that are named in the URI, and those that one of them told of."""
        return self._known

    @property
    def primaries(self) -> Sequence[Node]:
        """The nodes that keep slots, as last heard."""
        return tuple(dict.fromkeys(node for _, _, node in self._ranges))

    def way(self, words: Sequence[Any]) -> Way:
        """The way of a command to the node that keeps its key, also where that has just moved."""
        slot = self._slot_of(words[3].encode())
        node = self._node(slot)
        if node is None or node in self._doubted:
            yield from self.learn()
            node = self._node(slot)
        if node is None:
            raise ConnectionError(f"no node of the cluster keeps slot {slot}")
        for _ in range(_HOPS):
            try:
                return (yield from self._attempt(node, words))
            except self.errors.ResponseError as error:
                target = self._moved_to(error, node)
                if target is None:
                    raise
                self._doubted -= {node}
                self._moved, node = {**self._moved, slot: target}, target
                self._known = tuple(dict.fromkeys([*self._known, target]))
        raise ConnectionError(f"slot {slot} of the cluster is sent from node to node")

    def learn(self) -> Way:
        """The way to the layout: another node first each time, those that failed last."""
        self._turn += 1
        start = self._turn % len(self._known)
        nodes = sorted([*self._known[start:], *self._known[:start]], key=lambda node: node in self._doubted)
        answer, asked = yield from self._learn_from(nodes, _SLOTS)
        # first slot, last slot, then the nodes that keep them, the primary first
        ranges = [(int(low), int(high), [_place(node, asked) for node in nodes]) for low, high, *nodes in answer]
        told = [node for _, _, nodes in ranges for node in nodes]
        self._known = tuple(dict.fromkeys([*self.seeds, *told]))
        self._ranges = [(low, high, nodes[0]) for low, high, nodes in ranges]
        self._moved, self._doubted = {}, frozenset()

    def _node(self, slot: int) -> Node | None:
        found = self._moved.get(slot)
        return found or next((node for low, high, node in self._ranges if low <= slot <= high), None)

    def _moved_to(self, error: BaseException, node: Node) -> Node | None:
        """Where a node says that the slot is now; None where it says something else."""
        word, _, rest = str(error).partition(" ")
        if word == "MOVED":  # one library makes its own error of the text only within its cluster classes
            error = self.errors.MovedError(rest)
        if not isinstance(error, self.errors.MovedError):
            return None
        moved: Any = error
        return moved.host or node[0], int(moved.port)


def _place(node: Sequence[Any], asked: Node) -> Node:
    """A node as told; one without a name of its own is where the one asked is."""
    host = node[0].decode() if isinstance(node[0], bytes) else node[0]
    return (host if host and host != "?" else asked[0]), int(node[1])
