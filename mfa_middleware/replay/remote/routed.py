"""Clients of servers that belong together: plain clients of each, and a routing that says whom to ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mfa_middleware.replay.remote.routing import Leg, Node, Routing, Way

__all__ = ["AsyncRouted", "Routed"]

_Place = tuple[Node, bool]


class _Clients:
    """`new` makes the library's client for a node, or for a guide where that is said."""

    def __init__(self, routing: Routing, new: Callable[[Node, bool], Any]) -> None:
        self._routing = routing
        self._new = new
        self._clients: dict[_Place, Any] = {}

    def _client(self, node: Node, *, is_guide: bool = False) -> Any:
        place = node, is_guide
        return self._clients.get(place) or self._clients.setdefault(place, self._new(*place))

    def _gone(self, leg: Leg) -> list[Any]:
        """Before a node is asked for the first time: the clients of those that no longer belong to the others."""
        if (leg.node, leg.to_guide) in self._clients:
            return []
        places = [(node, False) for node in self._routing.nodes] + [(node, True) for node in self._routing.seeds]
        found = [self._clients.pop(place, None) for place in set(self._clients).difference(places)]
        return [client for client in found if client is not None]


class Routed(_Clients):
    """For threads."""

    def execute_command(self, *words: Any) -> Any:
        """The answer to EVAL or EVALSHA. Raises what the library raises, or OSError."""
        return self._go(self._routing.way(words))

    def primaries(self) -> Sequence[Node]:
        """The nodes that keep keys, as is told now. Raises the same."""
        self._go(self._routing.learn())
        return self._routing.primaries

    def _go(self, way: Way) -> Any:
        try:
            leg = next(way)
            while True:
                try:
                    answer = self._ask(leg)
                except BaseException as error:
                    leg = way.throw(error)
                else:
                    leg = way.send(answer)
        except StopIteration as end:
            return end.value

    def _ask(self, leg: Leg) -> Any:
        for gone in self._gone(leg):
            gone.close()
        return self._client(leg.node, is_guide=leg.to_guide).execute_command(*leg.words)

    def close(self) -> None:
        """Close all connections."""
        for client in [*self._clients.values()]:
            client.close()
        self._clients.clear()


class AsyncRouted(_Clients):
    """The same for one event loop."""

    async def execute_command(self, *words: Any) -> Any:
        """The answer to EVAL or EVALSHA. Raises what the library raises, or OSError."""
        way = self._routing.way(words)
        try:
            leg = next(way)
            while True:
                try:
                    answer = await self._ask(leg)
                except BaseException as error:  # who gives up waiting is heard as well
                    leg = way.throw(error)
                else:
                    leg = way.send(answer)
        except StopIteration as end:
            return end.value

    async def _ask(self, leg: Leg) -> Any:
        for gone in self._gone(leg):
            await gone.aclose()
        return await self._client(leg.node, is_guide=leg.to_guide).execute_command(*leg.words)

    async def aclose(self) -> None:
        """Close all connections."""
        for client in [*self._clients.values()]:
            await client.aclose()
        self._clients.clear()
