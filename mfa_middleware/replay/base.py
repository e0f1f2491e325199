"""The contract of a replay store: one atomic step that says whether a proof is used for the first time."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol, Self

from mfa_middleware.clock import Clock
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.events import Emit

__all__ = [
    "AHEAD_SECONDS",
    "COLD_SECONDS",
    "FULL",
    "LONGEST_SECONDS",
    "MOST_ENTRIES",
    "PRESSED",
    "PROOF_SECONDS",
    "RETRY_SECONDS",
    "SKEW_SECONDS",
    "WINDOW_SECONDS",
    "Options",
    "Outcome",
    "ReplayStore",
    "StoreState",
    "sustained_rate",
]

PROOF_SECONDS: Final = 60.0
"""How old a proof without a nonce may be (RFC 9449 4.3): its deadline is `iat` plus this."""
AHEAD_SECONDS: Final = 15.0
"""How far ahead of the server's clock `iat` may be."""
SKEW_SECONDS: Final = 5.0
"""How far the clock of each host may be off."""
COLD_SECONDS: Final = AHEAD_SECONDS + 2 * SKEW_SECONDS
"""A proof issued later than this after the store began cannot have been accepted before it began."""
LONGEST_SECONDS: Final = 150.0
"""The longest time that a claim may be kept; a proof with a nonce needs 135 s."""
RETRY_SECONDS: Final = 10.0
"""How soon after its first use a proof that comes again from the same peer is a retry, and no sign of a theft."""
PRESSED: Final = 0.8
"""The part of the capacity above which the quota of each owner shrinks."""
FULL: Final = 0.9
"""The part of the capacity at which a store is full."""
MOST_ENTRIES: Final = 100_000_000
"""The largest capacity, and the largest quota."""
WINDOW_SECONDS: Final = LONGEST_SECONDS + 6.0
"""Length of a quota window: no shorter than the life of any entry, so that two windows count all live ones."""


class Outcome(enum.Enum):
    """The answer to a claim, in the order in which a store decides."""

    STALE = "stale"
    COLD = "cold"
    SEEN = "seen"
    RETRIED = "retried"
    QUOTA = "quota"
    FULL = "full"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class StoreState:
    """What nonces are made from. `epoch`: 16 random bytes, new whenever the store starts without a memory of what
    came before. `secret`: 32 random bytes, the same for all that share the store, for as long as it exists. `other`:
    another state whose nonces the store takes as well, while none is minted from it.
    """

    epoch: bytes
    secret: bytes = field(repr=False)
    other: StoreState | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Options:
    """What a store is built with. `capacity`: live entries. `quota`: live entries of one owner. `app`: name of the
    application, which keeps two of them apart. `never_cold`: accept proofs without a nonce from the first second on;
    only for a first try on one's own machine. `alone`: a store that processes do not share must refuse to serve an app
    that another process serves too. `timeout`: how long to wait for a server, in seconds. `emit`: where it goes when
    a server is lost or found again.
    """

    capacity: int
    quota: int
    app: str
    never_cold: bool
    clock: Clock
    alone: bool = False
    timeout: float = 0.05
    emit: Emit = field(default=lambda _: None)

    def __post_init__(self) -> None:
        for name, value in (("capacity", self.capacity), ("quota", self.quota)):
            if not 1 <= value <= MOST_ENTRIES:
                raise ConfigurationError(f"{name} of the replay store is {value}: give 1 to {MOST_ENTRIES}")


class ReplayStore(Protocol):
    """Remembers the proofs that were accepted, for as long as any host would still accept them.

    A store that is not `blocking` answers `claim` within microseconds, so that it may be called on an event loop.
    `shared_by` is who shares it: "process", "host" or "cluster".
    """

    scheme: ClassVar[str]
    blocking: bool
    shared_by: str

    def state(self, owner: bytes = b"") -> StoreState:
        """The epoch and secret for nonces of `owner`, as last known; no I/O that waits.

        Raises StoreError where none is known.
        """
        ...

    def refresh(self, owner: bytes = b"") -> StoreState:
        """The same, asked for again where it was learnt more than a second ago. Raises StoreError."""
        ...

    async def refresh_async(self, owner: bytes = b"") -> StoreState:
        """`refresh`, without ever blocking the event loop."""
        ...

    def claim(
        self, key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes = b""
    ) -> Outcome:
        """Use `key` up, once, in one atomic step; nothing is written unless the answer is NEW.

        `key`: digest of machine and `jti`. `owner`: digest of the machine. `seconds`: how long the entry is kept, at
        most LONGEST_SECONDS and no less than any host would still accept the proof. `epoch`: that of the verified
        nonce, None without one. `deadline`: unix seconds after which the proof must not be accepted. `peer`: the
        packed address that it came from, empty where that is not known.

        STALE: the deadline has passed. COLD: only a nonce of the present epoch would prove that the proof was not
        used before. SEEN: used before. RETRIED: used less than RETRY_SECONDS before, and then from this very peer.
        QUOTA, FULL: no room for this owner, for anyone. NEW: first use.

        Raises StoreError if the store cannot answer; then nothing may be accepted.
        """
        ...

    async def claim_async(
        self, key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes = b""
    ) -> Outcome:
        """`claim`, without ever blocking the event loop."""
        ...

    def close(self) -> None:
        """Give back what the store holds; a claim after this raises StoreError."""
        ...


class StoreClass(Protocol):
    """How a store is built from its URI. Raises ConfigurationError."""

    @classmethod
    def open(cls, uri: str, options: Options) -> Self: ...


def sustained_rate(quota: int) -> float:
    """Requests per second that a machine with this quota may go on making for ever."""
    return quota / (2 * WINDOW_SECONDS)
