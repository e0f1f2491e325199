"""What stands in while the store of all hosts is away: this host's own, for proofs with a nonce of this host."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from mfa_middleware.clock import Clock
from mfa_middleware.errors import StoreError
from mfa_middleware.events import Emit, Event
from mfa_middleware.replay.base import Outcome, ReplayStore, StoreState

__all__ = ["FallbackStore"]

_AWAY: Final = "used proofs are remembered by this host alone, and only those with a nonce of this host count"
_BACK: Final = "used proofs are remembered for all hosts again"


class FallbackStore:
    """`first`, the store of all hosts; while it does not answer, `host`, that of the workers of this host.

    No proof can count in both. A proof without a nonce, or with one of the first store, may have been used at another
    host, so `host` never judges it: it is COLD. A proof with a nonce of the host's epoch is judged by `host` alone,
    also when the first store is back, or when this worker has not noticed that it is away.
    """

    scheme: ClassVar[str] = "fallback"
    blocking: bool = True
    shared_by: str = "cluster"

    def __init__(self, first: ReplayStore, host: ReplayStore, clock: Clock, emit: Emit) -> None:
        self._first = first
        self._host = host
        self._clock = clock
        self._emit = emit
        self._away = False

    def state(self, owner: bytes = b"") -> StoreState:
        """That of the store which answered last, with the other's."""
        present, other = (self._host, self._first) if self._away else (self._first, self._host)
        state = present.state(owner)
        with contextlib.suppress(StoreError):
            return replace(state, other=other.state(owner))
        return state

    def refresh(self, owner: bytes = b"") -> StoreState:
        """That of the first store, else of the host's."""
        try:
            self._first.refresh(owner)
        except StoreError:
            self._turn(away=True)
        else:
            self._turn(away=False)
        return self.state(owner)

    async def refresh_async(self, owner: bytes = b"") -> StoreState:
        """The same, without blocking the event loop."""
        try:
            await self._first.refresh_async(owner)
        except StoreError:
            self._turn(away=True)
        else:
            self._turn(away=False)
        return self.state(owner)

    def _is_own(self, epoch: bytes | None) -> bool:
        return epoch is not None and epoch == self._host.state().epoch

    def claim(
        self, key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes = b""
    ) -> Outcome:
        """Use a key up, once; see ReplayStore."""
        if self._is_own(epoch):
            return self._host.claim(key, owner, seconds, epoch, deadline, peer)
        try:
            outcome = self._first.claim(key, owner, seconds, epoch, deadline, peer)
        except StoreError:
            self._turn(away=True)
            return Outcome.COLD
        self._turn(away=False)
        return outcome

    async def claim_async(
        self, key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes = b""
    ) -> Outcome:
        """The same, without blocking the event loop."""
        if self._is_own(epoch):
            return await self._host.claim_async(key, owner, seconds, epoch, deadline, peer)
        try:
            outcome = await self._first.claim_async(key, owner, seconds, epoch, deadline, peer)
        except StoreError:
            self._turn(away=True)
            return Outcome.COLD
        self._turn(away=False)
        return outcome

    @property
    def path(self) -> Path:
        """The file of the host's store."""
        path: Path = getattr(self._host, "path", Path())
        return path

    def close(self) -> None:
        """Give back what both stores hold."""
        self._first.close()
        self._host.close()

    def _turn(self, *, away: bool) -> None:
        if away is self._away:
            return
        self._away = away
        kind, level = ("store_fallback", logging.ERROR) if away else ("store_fallback_over", logging.WARNING)
        self._emit(Event(kind, level, _AWAY if away else _BACK, at=self._clock.wall()))
