"""Claims in one line, as the guard makes them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from mfa_middleware.replay import Outcome, ReplayStore
from tests.replay.clocks import HandClock

OWNER = b"owner of the key"
_numbers = itertools.count()


def key(number: int | None = None) -> bytes:
    """A key; without a number, one that was never used."""
    return f"key {next(_numbers) if number is None else number:>12}".encode()


def plain(
    store: ReplayStore,
    clock: HandClock,
    name: bytes,
    *,
    owner: bytes = OWNER,
    issued: float | None = None,
    peer: bytes = b"",
) -> Outcome:
    """Claim a proof without a nonce, issued now unless said otherwise."""
    return store.claim(name, owner, 90.0, None, (clock.wall() if issued is None else issued) + 60.0, peer)


def nonced(
    store: ReplayStore,
    clock: HandClock,
    name: bytes,
    *,
    owner: bytes = OWNER,
    epoch: bytes | None = None,
    peer: bytes = b"",
) -> Outcome:
    """Claim a proof with a nonce that was minted now."""
    return store.claim(name, owner, 135.0, epoch or store.state().epoch, clock.wall() + 120.0, peer)


Opener = Callable[..., ReplayStore]
