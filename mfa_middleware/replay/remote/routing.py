"""The way of a command to the server that keeps its keys, where that one must be found first.

Neither the cluster classes nor the sentinel classes of the libraries are used: when a node is lost, the former ask all
others anew, sleep, and close connections that claims of other shards are under way on; the latter do not notice that
another server was made primary while the one before still answers.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

__all__ = ["Leg", "Node", "Routing", "Way"]

Node = tuple[str, int]


class Leg(NamedTuple):
    """One command to one node. `to_guide`: to a sentinel, which has another login than the servers."""

    node: Node
    words: Sequence[Any]
    to_guide: bool = False


Way = Generator[Leg, Any, Any]
"""The legs of a command, each of which is sent its answer or thrown its error; returns the answer of the last."""


class Routing(ABC):
    """What is known of servers that belong together. `errors`: the library's module; `timeout` in seconds.

    Does no I/O. A node that failed is doubted: who needs it next asks first where to go.
    """

    def __init__(self, seeds: Sequence[Node], errors: ModuleType, timeout: float) -> None:
        self.seeds = tuple(seeds)
        self.errors: Any = errors
        self._failures = (errors.ConnectionError, errors.TimeoutError, errors.ResponseError, OSError)
        self._timeout = timeout
        self._doubted: frozenset[Node] = frozenset()

    @property
    @abstractmethod
    def nodes(self) -> Iterable[Node]:
        """Every node that may be asked."""

    @property
    @abstractmethod
    def primaries(self) -> Sequence[Node]:
        """The nodes that keep keys, as last heard."""

    @abstractmethod
    def way(self, words: Sequence[Any]) -> Way:
        """The way of EVAL or EVALSHA, whose fourth word is a key.

        Nothing is sent twice but what a node refused to judge, because it does not keep the key.
        """

    @abstractmethod
    def learn(self) -> Way:
        """The way to what is so now."""

    def _learn_from(self, guides: Sequence[Node], words: Sequence[Any], *, are_sentinels: bool = False) -> Way:
        """Ask one after another, while they fail at once; returns the answer and whose it is."""
        began = time.monotonic()
        for guide in guides:
            try:
                return (yield Leg(guide, words, are_sentinels)), guide
            except self._failures:
                if guide == guides[-1] or time.monotonic() - began >= self._timeout / 2:
                    raise
        raise ConnectionError("there is no node to ask")

    def _attempt(self, node: Node, words: Sequence[Any]) -> Way:
        """One leg, whose failure makes its node doubted."""
        try:
            return (yield Leg(node, words))
        except self.errors.NoScriptError:
            raise
        except BaseException:
            self._doubted |= {node}
            raise
