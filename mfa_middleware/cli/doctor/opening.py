"""The doctor's own store: where the app has its store, under a name of its own, so that the app never notices."""

from __future__ import annotations

import os
from typing import Final

from mfa_middleware.replay import ReplayStore, open_store
from mfa_middleware.settings import Settings

__all__ = ["CAPACITY", "is_remote", "open_own", "own_app", "terms"]

CAPACITY: Final = 20_000
_PATIENCE: Final = 3.0
_LONGEST_NAME: Final = 40


def is_remote(settings: Settings) -> bool:
    """Whether the store is a server, and not memory of this host."""
    return settings.replay_store.partition(":")[0] not in ("shared", "memory")


def own_app(settings: Settings) -> str:
    """The app that the doctor's claims belong to; on this host one for each run, so that no two disturb each other."""
    name = f"{settings.app[:_LONGEST_NAME]}-doctor"
    return name if is_remote(settings) else f"{name}-{os.getpid()}"


def terms(settings: Settings) -> dict[str, object]:
    """What a child needs to open the doctor's store."""
    return {"uri": settings.replay_store, "app": own_app(settings)}


def open_own(uri: str, app: str, *, timeout: float = _PATIENCE) -> ReplayStore:
    """The doctor's store, which is never cold. Raises ConfigurationError."""
    return open_store(uri, capacity=CAPACITY, quota=CAPACITY, app=app, never_cold=True, timeout=timeout)
