"""Where accepted proofs are remembered, so that each is accepted once: the store contract and its lookup by URI."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.events import Emit
from mfa_middleware.replay.base import Options, Outcome, ReplayStore, StoreState, sustained_rate
from mfa_middleware.replay.remote.address import SCHEMES

__all__ = ["Options", "Outcome", "ReplayStore", "StoreState", "open_store", "sustained_rate"]

_STORES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "memory": "mfa_middleware.replay.memory:MemoryStore",
        "shared": "mfa_middleware.replay.shared:SharedStore",
        **dict.fromkeys(SCHEMES, "mfa_middleware.replay.remote.store:RemoteStore"),
        "django-cache": "mfa_middleware.django.cache_store:CacheStore",
    }
)
_KNOWN: Final = "memory:, shared:, redis://HOST:PORT, valkey://HOST:PORT, django-cache:ALIAS"


def open_store(
    uri: str,
    *,
    capacity: int,
    quota: int,
    app: str,
    never_cold: bool = False,
    clock: Clock = SYSTEM_CLOCK,
    alone: bool = False,
    timeout: float = 0.05,
    emit: Emit = lambda _: None,
) -> ReplayStore:
    """The store that `uri` names, ready for claims. Raises ConfigurationError, with what to write instead."""
    scheme, colon, _ = uri.partition(":")
    where = _STORES.get(scheme) if colon else None
    if where is None:
        raise ConfigurationError(f"no replay store is called {scheme + colon!r}: write one of {_KNOWN}")
    options = Options(capacity, quota, app, never_cold, clock, alone, timeout, emit)
    store: ReplayStore = _load(scheme, where).open(uri, options)
    return store


def _load(scheme: str, where: str) -> Any:
    module, _, name = where.partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise ConfigurationError(f"MFA_REPLAY_STORE: {scheme}: needs the package {package}") from None
