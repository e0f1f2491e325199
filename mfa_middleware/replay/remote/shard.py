"""A part of the store that one server keeps: its keys, what was last heard of it, and whether it answers."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from typing import Any, Final

from mfa_middleware.errors import StoreError
from mfa_middleware.replay.base import Options, StoreState
from mfa_middleware.replay.remote.breaker import Breaker
from mfa_middleware.replay.remote.wire import RING, Answer, Script, read

__all__ = ["Shard"]

_RECENT: Final = 1.0


class Shard:
    """`name`: the hash tag that keeps its keys on one node of a cluster. `tell`: told of losses and recoveries."""

    def __init__(self, name: str, script: Script, options: Options, tell: Callable[[str, str], None]) -> None:
        self.breaker = Breaker()
        self.state: StoreState | None = None
        self._keys = [f"{{{name}}}:{part}" for part in ("state", *range(RING))]
        self._script = script
        self._options = options
        self._tell = tell
        self._heard = -math.inf
        self._first_epoch: bytes | None = None
        self._secret = os.urandom(32)

    def command(self, host: float, claims: bytes, *, whole: bool = False) -> list[Any]:
        """The step for these claims, at `host` in unix seconds; `whole` where the server does not know its text."""
        name, script = ("EVAL", self._script.text) if whole else ("EVALSHA", self._script.digest)
        options, secret = self._options, self.state.secret if self.state else self._secret
        limits, epoch = (repr(host), options.capacity, options.quota), os.urandom(16)  # never one that was used before
        return [name, script, len(self._keys), *self._keys, *limits, epoch, secret, self._forgiven(), claims]

    def _forgiven(self) -> bytes:
        """The epoch that is never cold: for a first try, the one that this process found or began."""
        if not self._options.never_cold:
            return b""
        return self._first_epoch or b"*"

    def admit(self) -> None:
        """Raises StoreError while the server is known not to answer."""
        if not self.breaker.admits(time.monotonic()):
            raise StoreError("the replay store does not answer; it is tried again twice a second")

    def fail(self, error: object) -> StoreError:
        """The server did not answer; whether it has judged is not known, so nobody may ask it again."""
        self._heard = -math.inf
        text = f"the replay store does not answer ({type(error).__name__}: {error})"
        if self.breaker.failed(time.monotonic()):
            self._tell("store_lost", text)
        return StoreError(text)

    def hear(self, answer: object, host: float, claims: bytes) -> Answer:
        """The answer to these claims; its state is now the known one. Raises StoreError where nothing was judged."""
        if self.breaker.succeeded():
            self._tell("store_back", "the replay store answers again")
        told = read(answer, host, claims)
        if self.state is not None and told.state.epoch != self.state.epoch:
            self._tell("store_began", "the replay store has begun anew: only proofs with a nonce of it count at first")
        self.state, self._heard = told.state, time.monotonic()
        self._first_epoch = self._first_epoch or told.state.epoch
        return told

    def is_recent(self) -> bool:
        """Whether the server was heard less than a second ago, and has not failed since."""
        return time.monotonic() - self._heard < _RECENT

    def known_state(self) -> StoreState:
        """The state as last heard. Raises StoreError where none was."""
        if self.state is None:
            raise StoreError("the replay store has not answered yet")
        return self.state
