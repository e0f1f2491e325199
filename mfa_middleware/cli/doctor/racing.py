"""A race for single use: processes and threads that all present the same proofs at the same moments."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any, Final

from mfa_middleware.cli.doctor.opening import open_own
from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome, ReplayStore

__all__ = ["KEYS", "OWNERS", "PACE", "THREADS", "owner_of", "present_all", "race"]

KEYS: Final = 200
THREADS: Final = 8
OWNERS: Final = 16
"""So that every shard of a cluster is raced for."""
PACE: Final = 0.002
"""Seconds from one proof to the next, by the wall clock, which all racers share."""

_SECONDS: Final = 30.0
_LIFE: Final = 60.0


def race(uri: str, app: str, seed: str, *, hear: Callable[[], Any], tell: Callable[[object], None]) -> object:
    """Open the store, say so, wait for the time to begin (unix seconds), and present every proof."""
    store = open_own(uri, app)
    try:
        epochs = [store.refresh(owner_of(number)).epoch for number in range(OWNERS)]
        tell("ready")
        return present_all(store, seed, hear(), epochs)
    finally:
        store.close()


def present_all(store: ReplayStore, seed: str, begin: float, epochs: list[bytes]) -> dict[str, object]:
    """The proofs that the threads of this process won, each as often as it was won, and all outcomes counted."""
    outcomes: Counter[str] = Counter()
    with ThreadPoolExecutor(THREADS) as pool:
        won: list[int] = []
        for mine, counted in pool.map(lambda _: _present(store, seed, begin, epochs), range(THREADS)):
            won += mine
            outcomes += counted
    return {"won": won, "outcomes": outcomes}


def owner_of(number: int) -> bytes:
    """The owner of a proof: 16 bytes, of which the first chooses the shard."""
    return bytes([number % OWNERS]) + b"mfa-doctor-owner"[:15]


def _present(store: ReplayStore, seed: str, begin: float, epochs: list[bytes]) -> tuple[list[int], Counter[str]]:
    won: list[int] = []
    outcomes: Counter[str] = Counter()
    deadline = begin + KEYS * PACE + _LIFE
    for number in range(KEYS):
        key = blake2b(f"{seed} {number}".encode(), digest_size=16).digest()
        time.sleep(max(0.0, begin + number * PACE - time.time()))
        try:
            outcome = store.claim(key, owner_of(number), _SECONDS, epochs[number % OWNERS], deadline)
        except StoreError:
            outcomes["no answer"] += 1
            continue
        outcomes[outcome.value] += 1
        if outcome is Outcome.NEW:
            won.append(number)
    return won, outcomes
