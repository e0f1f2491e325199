"""`redis:` and `valkey:`, the stores that all hosts share."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any, ClassVar, Final, Self
from weakref import WeakKeyDictionary

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.events import Event
from mfa_middleware.replay.base import LONGEST_SECONDS, Options, Outcome, StoreState
from mfa_middleware.replay.remote.address import Address
from mfa_middleware.replay.remote.library import Library, load
from mfa_middleware.replay.remote.loops import Loop
from mfa_middleware.replay.remote.shard import Shard
from mfa_middleware.replay.remote.wire import Answer, EvictionError, Script, pack

__all__ = ["RemoteStore"]

_SHARDS: Final = 16
"""How many parts a cluster's nodes share; an owner is always in the same one."""
_LEVELS: Final = {"store_lost": logging.ERROR, "store_back": logging.WARNING, "store_began": logging.WARNING}


class RemoteStore:
    """Remembers proofs for all hosts that name the same server, sentinels or cluster.

    Each claim is judged by one script on the server. Who does not get an answer in time is refused, and what was
    asked is not asked again. `options.timeout` bounds the wait, in seconds.
    """

    scheme: ClassVar[str] = "valkey"
    blocking: bool = True
    shared_by: str = "cluster"

    def __init__(self, address: Address, options: Options, script: Script | None = None) -> None:
        self.address = address
        self._options = options
        self._clock = options.clock
        self._library: Library = load(address.library)
        self._client: Any = self._library.client(address, options.timeout)
        step, tags = script or Script.load(), _tags(options.app, address)
        limits = options if len(tags) == 1 else replace(options, capacity=_part_of(options))
        self._shards = [Shard(tag, step, limits, self._tell) for tag in tags]
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Loop] = WeakKeyDictionary()
        self._closed = False

    @classmethod
    def open(cls, uri: str, options: Options) -> Self:
        """The store for a URI. A server that cannot be reached now is no error: it is tried again with each claim.

        Raises ConfigurationError where the URI, the login or the server's eviction policy is wrong.
        """
        store = cls(Address.parse(uri), options)
        try:
            store.refresh()
        except EvictionError as error:
            raise ConfigurationError(f"MFA_REPLAY_STORE: {error}") from None
        except StoreError as error:
            store.raise_if_refused(error)
            store._tell("store_lost", str(error))
        return store

    def raise_if_refused(self, error: StoreError) -> None:
        """Raises ConfigurationError where the server answered, but will not serve this user."""
        refusal = self._library.refusal(error.__cause__)
        if refusal is not None:
            raise ConfigurationError(f"MFA_REPLAY_STORE: {self.address} refuses: {refusal}") from None

    def state(self, owner: bytes = b"") -> StoreState:
        """The epoch and secret for nonces of an owner, as last heard."""
        return self._shard(owner).known_state()

    def refresh(self, owner: bytes = b"") -> StoreState:
        """The same, asked for where the server was not heard for a second."""
        shard = self._shard(owner)
        return shard.known_state() if shard.is_recent() else self._ask(shard, b"").state

    async def refresh_async(self, owner: bytes = b"") -> StoreState:
        """The same, without blocking the event loop."""
        shard = self._shard(owner)
        if shard.is_recent():
            return shard.known_state()
        return (await self._loop().ask(shard, b"")).state

    def claim(
        self, key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes = b""
    ) -> Outcome:
        """Use a key up, once; see ReplayStore."""
        shard, packed = self._shard(owner), _packed(key, owner, seconds, epoch, deadline, peer)
        return self._ask(shard, packed).outcomes[0]

    async def claim_async(
        self, key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes = b""
    ) -> Outcome:
        """The same; claims that are made at the same time share a round trip."""
        shard, packed = self._shard(owner), _packed(key, owner, seconds, epoch, deadline, peer)
        return await self._loop().lane(shard).claim(packed)

    def close(self) -> None:
        """Give the connections back; a claim after this raises StoreError."""
        self._closed = True
        self._client.close()
        for loop, state in list(self._loops.items()):
            state.close(loop)
        self._loops.clear()

    def _shard(self, owner: bytes) -> Shard:
        if self._closed:
            raise StoreError("the replay store is closed")
        return self._shards[owner[0] % len(self._shards) if owner else 0]

    def _loop(self) -> Loop:
        loop = asyncio.get_running_loop()
        state = self._loops.get(loop)
        if state is None:
            client = self._library.async_client(self.address, self._options.timeout)
            state = self._loops[loop] = Loop(self._library, client, self._options.timeout, self._clock)
        return state

    def _ask(self, shard: Shard, claims: bytes) -> Answer:
        shard.admit()
        host = self._clock.wall()
        try:
            answer = self._execute(shard, host, claims)
        except (self._library.error, OSError) as error:
            raise shard.fail(error) from error
        return shard.hear(answer, host, claims)

    def _execute(self, shard: Shard, host: float, claims: bytes) -> object:
        try:
            return self._client.execute_command(*shard.command(host, claims))
        except self._library.missing_script:
            return self._client.execute_command(*shard.command(host, claims, whole=True))

    def _tell(self, kind: str, detail: str) -> None:
        where = f"{self.scheme}: {self.address}: "
        self._options.emit(Event(kind, _LEVELS[kind], where + detail, at=self._clock.wall()))


def _tags(app: str, address: Address) -> list[str]:
    """The hash tags of the shards: one, where a single server keeps them all."""
    return [f"mfa:{app}:{number}" for number in range(_SHARDS)] if address.kind == "cluster" else [f"mfa:{app}"]


def _part_of(options: Options) -> int:
    """The capacity of one shard of many: twice its part, as machines spread unevenly, and room for a whole quota."""
    return max(-(-2 * options.capacity // _SHARDS), -(-options.quota * 5 // 4))


def _packed(key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes) -> bytes:
    if not 0 < seconds <= LONGEST_SECONDS:
        raise ValueError(f"a claim is kept for more than 0 and at most {LONGEST_SECONDS} seconds, not {seconds}")
    return pack(key, owner, seconds, epoch, deadline, peer)
