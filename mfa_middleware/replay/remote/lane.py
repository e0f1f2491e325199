"""How the tasks of one event loop share round trips: claims that come while one is under way go together next."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from mfa_middleware.errors import StoreError
from mfa_middleware.replay.base import Outcome

__all__ = ["Lane"]

_MOST: Final = 256
"""Claims in one round trip: about 2 ms of the server's time."""

Ask = Callable[[bytes], Awaitable[Sequence[Outcome]]]
_Waiting = tuple[bytes, "asyncio.Future[Outcome]"]


class Lane:
    """Claims of one event loop on their way to one shard. `ask` makes a round trip, or raises StoreError."""

    __slots__ = ("_ask", "_task", "_waiting")

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    def claim(self, packed: bytes) -> asyncio.Future[Outcome]:
        """The outcome of one claim; who gives up waiting disturbs no other."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((packed, future))
        if self._task is None:
            self._task = loop.create_task(self._carry())
        return future

    async def _carry(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._carry_batch(batch)
        finally:
            self._task = None
            for _, future in self._waiting:  # only where this task was cancelled: the loop is being closed
                future.cancel()
            self._waiting.clear()

    async def _carry_batch(self, batch: list[_Waiting]) -> None:
        try:
            outcomes = await self._ask(b"".join([packed for packed, _ in batch]))
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)
        except StoreError as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(StoreError(*error.args))
        finally:
            for _, future in batch:
                with contextlib.suppress(asyncio.InvalidStateError):
                    future.cancel()
