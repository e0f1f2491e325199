"""A store through each of the two libraries, for threads and on an event loop, with one set of verbs."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any, NamedTuple

from mfa_middleware.replay import Outcome, StoreState
from mfa_middleware.replay.base import Options
from mfa_middleware.replay.remote.store import RemoteStore
from tests.helpers.valkey import Valkey
from tests.replay.clocks import HandClock
from tests.replay.racing import OWNER
from tests.replay.remote import opening

WAYS = ("redis-sync", "redis-async", "valkey-sync", "valkey-async")


class Way(NamedTuple):
    """How claims are made. `runner`: with it they are made on an event loop."""

    library: str
    runner: asyncio.Runner | None

    def open(self, url: str, clock: HandClock | None = None, **options: Any) -> Caller:
        """A store at `url`, which is written for the library valkey; see opening.opened."""
        url = self.library + url.removeprefix("valkey") if url.startswith("valkey") else url
        store = opening.opened(_NOWHERE, clock, url=url, **options)
        return Caller(store, self.runner, clock)


class Caller:
    """Claims that are made one way, by hosts whose clock is `clock`, or that of the system."""

    def __init__(self, store: RemoteStore, runner: asyncio.Runner | None, clock: HandClock | None = None) -> None:
        self.store, self._runner = store, runner
        self._clock = clock or opening.SYSTEM_CLOCK

    @property
    def app(self) -> str:
        options: Options = self.store._options
        return options.app

    def state(self, owner: bytes = OWNER) -> StoreState:
        """The state, asked for now."""
        if self._runner is not None:
            return self._runner.run(self.store.refresh_async(owner))
        return self.store.refresh(owner)

    def nonced(self, key: bytes, *, owner: bytes = OWNER, epoch: bytes | None = None) -> Outcome:
        """Claim a proof whose nonce was minted now."""
        named = epoch or self.state(owner).epoch
        return self._claim(key, owner, 135.0, named, self._clock.wall() + 120.0, b"\x7f\0\0\1")

    def plain(self, key: bytes, *, owner: bytes = OWNER, issued: float | None = None) -> Outcome:
        """Claim a proof without a nonce, issued now unless said otherwise."""
        deadline = (self._clock.wall() if issued is None else issued) + 60.0
        return self._claim(key, owner, 90.0, None, deadline, b"\x7f\0\0\1")

    def _claim(self, *claim: Any) -> Outcome:
        if self._runner is not None:
            return self._runner.run(self.store.claim_async(*claim))
        return self.store.claim(*claim)

    def close(self) -> None:
        self.store.close()
        if self._runner is not None:
            self._runner.run(asyncio.sleep(0.05))  # the connections of the loop are closed on the loop


def calls(server: Valkey) -> int:
    """How many claims or questions of ours the server has been asked since it runs."""
    lines = str(server.ask("INFO", "commandstats")).splitlines()
    counted = [line for line in lines if line.startswith(("cmdstat_evalsha:", "cmdstat_eval:"))]
    return sum(int(line.partition("calls=")[2].partition(",")[0]) for line in counted)


def way_of(name: str, stack: ExitStack) -> Way:
    library, _, kind = name.partition("-")
    return Way(library, stack.enter_context(asyncio.Runner()) if kind == "async" else None)


class _Nowhere:
    url = "valkey://127.0.0.1:1"


_NOWHERE: Any = _Nowhere()
