"""One claim, as the guard makes it, without the request around it."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from mfa_middleware.replay import Outcome, open_store
from mfa_middleware.replay.base import PROOF_SECONDS

__all__ = ["REPLAYS", "Opener", "Presented", "opener", "present"]

SECONDS: Final = 90.0
"""How long the guard has a proof without a nonce remembered."""
REPLAYS: Final = frozenset({Outcome.SEEN, Outcome.RETRIED})
"""The outcomes of a claim for a key that was used before."""

Opener: TypeAlias = Callable[[], Any]
"""Opens the store that is claimed from, in each process anew; can be sent to another process."""
Presented: TypeAlias = tuple[bytes, bytes, float, bytes | None, float, bytes]
"""The arguments of `ReplayStore.claim`."""


def opener(uri: str, app: str, capacity: int, quota: int, **options: Any) -> Opener:
    """Opens the store of a URI as an app does with that MFA_REPLAY_STORE, but never cold."""
    return functools.partial(open_store, uri, capacity=capacity, quota=quota, app=app, never_cold=True, **options)


def present(proof: int, owner: int, peer: int = 1, now: float | None = None, epoch: bytes | None = None) -> Presented:
    """The claim for a proof of a machine, made now, that comes from the address 127.0.0.`peer`.

    epoch: that of the nonce which the proof carries.
    """
    wall = time.time() if now is None else now
    key, machine = _digest(b"proof", proof), _digest(b"owner", owner)
    return key, machine, SECONDS, epoch, wall + PROOF_SECONDS, bytes((127, 0, 0, peer))


def _digest(kind: bytes, number: int) -> bytes:
    return hashlib.blake2b(b"%b %d" % (kind, number), digest_size=16).digest()
