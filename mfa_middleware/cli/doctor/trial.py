"""One claim after the other, for how long a store takes to answer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Final

from mfa_middleware.cli.doctor.opening import open_own
from mfa_middleware.cli.doctor.racing import owner_of
from mfa_middleware.errors import StoreError
from mfa_middleware.replay import ReplayStore

__all__ = ["open_and_measure"]

_CLAIMS: Final = 300
_LONGEST: Final = 3.0
_LIFE: Final = 60.0


def open_and_measure(uri: str, app: str, *, hear: Callable[[], Any], tell: Callable[[object], None]) -> object:
    """Who shares the store, and the times of single claims, in seconds. Raises ConfigurationError or StoreError."""
    del hear, tell
    store = open_own(uri, app)
    try:
        owner = owner_of(0)
        epoch = store.refresh(owner).epoch
        return {"shared_by": store.shared_by, "seconds": _times(store, owner, epoch)}
    finally:
        store.close()


def _times(store: ReplayStore, owner: bytes, epoch: bytes) -> list[float]:
    times: list[float] = []
    until = time.monotonic() + _LONGEST
    while len(times) < _CLAIMS and time.monotonic() < until:
        begun = time.perf_counter()
        store.claim(os.urandom(16), owner, _LIFE / 2, epoch, time.time() + _LIFE)
        times.append(time.perf_counter() - begun)
    if not times:
        raise StoreError("the store made no claim")
    return times
