"""Servers that answer what a test told them, and remember who was asked for what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mfa_middleware.replay.remote.routed import Routed
from mfa_middleware.replay.remote.routing import Node, Routing

A, B, C, D = ("a", 1), ("b", 2), ("c", 3), ("d", 4)
WORDS = ("EVALSHA", "digest", 9, "{mfa:shop:3}:state", "more")
TWO = [[0, 500, [b"a", 1, b"id", []]], [501, 16383, [b"b", 2, b"id", []], [b"c", 3, b"id", []]]]


class Servers:
    """`told`: what each node answers to a claim, or raises; `slots`: what it answers to who asks for the way."""

    def __init__(self, told: dict[Node, Any], slots: Any = TWO) -> None:
        self.told, self.slots = told, slots
        self.asked: list[tuple[Node, str]] = []
        self.closed: list[Node] = []

    def client(self, node: Node, _is_sentinel: bool) -> Any:
        return _Client(self, node)

    def answer(self, node: Node, words: Sequence[Any]) -> Any:
        self.asked.append((node, str(words[0])))
        told = self.told.get(node, f"judged by {node[0]}")
        if words[0] in ("CLUSTER", "SENTINEL"):
            told = told if isinstance(told, Exception) else self.slots
        elif callable(told):
            told = told()
        if isinstance(told, BaseException):
            raise told
        return told


class _Client:
    def __init__(self, servers: Servers, node: Node) -> None:
        self._servers, self._node = servers, node

    def execute_command(self, *words: Any) -> Any:
        return self._servers.answer(self._node, words)

    def close(self) -> None:
        self._servers.closed.append(self._node)


class AsyncClient(_Client):
    async def execute_command(self, *words: Any) -> Any:
        return self._servers.answer(self._node, words)

    async def aclose(self) -> None:
        self.close()


def by_thread(routing: Routing, servers: Servers) -> Callable[..., Any]:
    return Routed(routing, servers.client).execute_command
