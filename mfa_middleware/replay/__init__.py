"""Where accepted proofs are remembered, so that each is accepted once: the store contract and its lookup by URI."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay.base import Options, Outcome, ReplayStore, StoreState, sustained_rate

__all__ = ["Options", "Outcome", "ReplayStore", "StoreState", "open_store", "sustained_rate"]

_STORES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "memory": "mfa_middleware.replay.memory:MemoryStore",
        "shared": "mfa_middleware.replay.shared:SharedStore",
    }
)


def open_store(
    uri: str,
    *,
    capacity: int,
    quota: int,
    app: str,
    never_cold: bool = False,
    clock: Clock = SYSTEM_CLOCK,
    alone: bool = False,
) -> ReplayStore:
    """The store that `uri` names, ready for claims. Raises ConfigurationError, with what to write instead."""
    scheme, colon, _ = uri.partition(":")
    where = _STORES.get(scheme) if colon else None
    if where is None:
        known = ", ".join(f"{name}:" for name in _STORES)
        raise ConfigurationError(f"no replay store is called {scheme + colon!r}: write one of {known}")
    module, _, name = where.partition(":")
    options = Options(capacity=capacity, quota=quota, app=app, never_cold=never_cold, clock=clock, alone=alone)
    store: ReplayStore = getattr(import_module(module), name).open(uri, options)
    return store
