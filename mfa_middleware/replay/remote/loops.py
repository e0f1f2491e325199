"""The way from an event loop to the server: its own connections, and for each shard a lane of claims."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any

from mfa_middleware.clock import Clock
from mfa_middleware.replay.base import Outcome
from mfa_middleware.replay.remote.lane import Lane
from mfa_middleware.replay.remote.library import Library
from mfa_middleware.replay.remote.shard import Shard
from mfa_middleware.replay.remote.wire import Answer

__all__ = ["Loop"]


class Loop:
    """What belongs to one event loop. `client`: one of the library's, for this loop; `timeout` in seconds."""

    def __init__(self, library: Library, client: Any, timeout: float, clock: Clock) -> None:
        self._library = library
        self._client = client
        self._timeout = timeout
        self._clock = clock
        self._lanes: dict[int, Lane] = {}

    def lane(self, shard: Shard) -> Lane:
        """The lane to a shard."""
        lane = self._lanes.get(id(shard))
        if lane is None:

            async def ask(claims: bytes) -> Sequence[Outcome]:
                return (await self.ask(shard, claims)).outcomes

            lane = self._lanes[id(shard)] = Lane(ask)
        return lane

    async def ask(self, shard: Shard, claims: bytes) -> Answer:
        """One round trip. Raises StoreError."""
        shard.admit()
        host = self._clock.wall()
        try:
            answer = await self._in_time(self._execute(shard, host, claims))
        except (self._library.error, OSError) as error:
            raise shard.fail(error) from error
        return shard.hear(answer, host, claims)

    async def _execute(self, shard: Shard, host: float, claims: bytes) -> object:
        try:
            return await self._client.execute_command(*shard.command(host, claims))
        except self._library.missing_script:
            return await self._client.execute_command(*shard.command(host, claims, whole=True))

    async def _in_time(self, execution: Coroutine[Any, Any, object]) -> object:
        """An answer that is there when the time is up counts, also where this process was late to look."""
        task = asyncio.ensure_future(execution)
        try:
            await asyncio.wait([task], timeout=self._timeout)
            if not task.done():
                raise TimeoutError(f"no answer within {self._timeout:g} s")
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                with contextlib.suppress(BaseException):
                    await task

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close the connections on the loop that they belong to, if it still runs."""
        if loop.is_running():
            loop.call_soon_threadsafe(lambda: loop.create_task(self._client.aclose()))
        elif not loop.is_closed():
            loop.run_until_complete(self._client.aclose())
