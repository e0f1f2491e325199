"""What can happen to the server of a store, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.helpers.valkey import Valkey

__all__ = ["FAULTS", "Fault"]

_NOTICED: Final = 1.5
"""Seconds within which a store looks at the eviction policy again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`begin` and `end` are done to the server. `silences`: whether nobody gets an answer in between."""

    name: str
    begin: Callable[[Valkey], object]
    end: Callable[[Valkey], object]
    silences: bool = True


def _nothing(_: Valkey) -> None:
    pass


def _evict(server: Valkey) -> None:
    """Let it forget whatever it holds, as a cache does."""
    server.set("maxmemory-policy", "allkeys-random")
    server.set("maxmemory", "1")
    server.ask("SET", "something", "else")
    time.sleep(_NOTICED)


def _keep(server: Valkey) -> None:
    server.set("maxmemory", "0")
    server.set("maxmemory-policy", "noeviction")


FAULTS: Final = (
    Fault("stopped", Valkey.stop, Valkey.start),
    Fault("hung", Valkey.hang, Valkey.go_on),
    Fault("restarted empty", Valkey.restart, _nothing, silences=False),
    Fault("evicting", _evict, _keep, silences=False),
)
