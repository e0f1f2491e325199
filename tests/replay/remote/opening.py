"""Stores on a real server whose script reads a clock that the test moves, and all the rest of it unchanged."""

from __future__ import annotations

import asyncio
import itertools
import os
from typing import Any

from mfa_middleware.clock import SYSTEM_CLOCK
from mfa_middleware.replay.base import Options
from mfa_middleware.replay.remote.address import Address
from mfa_middleware.replay.remote.store import RemoteStore
from mfa_middleware.replay.remote.wire import Script
from tests.helpers.valkey import Valkey
from tests.replay.clocks import HandClock

_numbers = itertools.count()

# The server's clock is that of the host which asks, and as far off as the test says in the key ...:offset.
_HAND_CLOCK = """
local server = redis
local redis = setmetatable({
  call = function(name, ...)
    if name ~= 'TIME' then return server.call(name, ...) end
    local now = tonumber(ARGV[1]) + (tonumber(server.call('GET', KEYS[1] .. ':offset')) or 0)
    return {string.format('%d', math.floor(now)), string.format('%.0f', (now % 1) * 1000000)}
  end,
}, {__index = server})
"""
HAND_TIMED = Script.of(_HAND_CLOCK + Script.load().text)
PATIENT = 5.0
"""Seconds: for tests that are not about time, on a busy machine."""


def app_name() -> str:
    """An app that no other test has."""
    return f"app-{os.getpid()}-{next(_numbers)}"


def opened(server: Valkey, clock: HandClock | None = None, *, url: str | None = None, **given: Any) -> RemoteStore:
    """A store on `server`; with a `clock`, the server goes by it as well."""
    options: dict[str, Any] = {"capacity": 1000, "quota": 1000, "app": app_name(), "timeout": PATIENT, **given}
    options.setdefault("never_cold", False)
    if clock is None:
        return RemoteStore.open(url or server.url, Options(clock=SYSTEM_CLOCK, **options))
    store = RemoteStore(Address.parse(url or server.url), Options(clock=clock, **options), HAND_TIMED)
    store.refresh()
    return store


async def closed(store: RemoteStore) -> None:
    """Close a store, and wait until its connections of this event loop are closed."""
    store.close()
    await asyncio.sleep(0)
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


def keys_of(app: str) -> list[str]:
    """The keys of an app: its state, then its windows."""
    return [f"{{mfa:{app}}}:{part}" for part in ("state", *range(8))]
