"""`memory:`, the store of one process: a table in memory of its own."""

from __future__ import annotations

import mmap
from typing import ClassVar, Final, Self

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay.base import Options
from mfa_middleware.replay.era import Era, boot_id
from mfa_middleware.replay.geometry import Geometry
from mfa_middleware.replay.header import first_page, parse
from mfa_middleware.replay.locks import ThreadLocks
from mfa_middleware.replay.solitary import leave, stay_alone
from mfa_middleware.replay.store import TableStore
from mfa_middleware.replay.table import Table, lock_count
from mfa_middleware.replay.tables import TABLES

__all__ = ["MemoryStore"]

_URI: Final = "memory:"


class MemoryStore(TableStore):
    """Remembers proofs for one process, and for all its threads. What it knows is gone when the process ends.

    The child of a fork starts an empty one, which is cold. `alone`: the name of an app that only one process may
    serve, because another one would accept each proof once more.
    """

    scheme: ClassVar[str] = "memory"
    blocking: bool = False
    shared_by: str = "process"

    def __init__(
        self,
        *,
        capacity: int,
        quota: int,
        never_cold: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        alone: str | None = None,
    ) -> None:
        self._capacity = capacity
        self._alone = alone
        super().__init__(Options(capacity=capacity, quota=quota, app="", never_cold=never_cold, clock=clock))

    @classmethod
    def open(cls, uri: str, options: Options) -> Self:
        """The store for `memory:`. Raises ConfigurationError if the URI says more than that."""
        if uri != _URI:
            raise ConfigurationError(f"the replay store is {uri!r}: write {_URI} with nothing after the colon")
        return cls(
            capacity=options.capacity,
            quota=options.quota,
            never_cold=options.never_cold,
            clock=options.clock,
            alone=options.app if options.alone else None,
        )

    def close(self) -> None:
        """Give back what the store holds; a claim after this raises StoreError."""
        if self._alone is not None and not self._closed:
            leave(self._alone)
        super().close()

    def _find_table(self) -> Table:
        geometry = Geometry.of(self._capacity)
        if self._alone is not None:
            stay_alone(self._alone)
        page = first_page(self._capacity, Era.first(self._clock, boot_id()))
        header = parse(page)
        assert header is not None
        buffer = _private_memory(geometry.size)
        buffer[: len(page)] = page
        table = Table(buffer, geometry, header.secret, ThreadLocks(lock_count(geometry)))
        TABLES.join(table)
        return table


def _private_memory(size: int) -> mmap.mmap:
    """Memory that is not shared with the child of a fork."""
    if hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, size)
