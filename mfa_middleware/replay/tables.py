"""The tables of this process: one for each file, and none that the child of a fork would share with its parent."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Final

from mfa_middleware.replay.table import Table

__all__ = ["TABLES", "Tables"]


class Tables:
    """What a process must know once, however many stores it has.

    A second descriptor of a file that is mapped here would free all locks on it when it is closed, and two tables of
    a file would not exclude each other. So whoever finds or leaves a table does it under `lock`, by identity first.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.lock = threading.RLock()
        self._files: dict[tuple[int, int], Table] = {}
        self._all: weakref.WeakSet[Table] = weakref.WeakSet()

    def get(self, identity: tuple[int, int] | None) -> Table | None:
        """The table in the file with this device and inode, if this process has it."""
        return self._files.get(identity) if identity else None

    def join(self, table: Table, identity: tuple[int, int] | None = None) -> None:
        """One more store uses the table; `identity` is device and inode of its file, if it has one."""
        with self.lock:
            table.users += 1
            self._all.add(table)
            if identity:
                self._files[identity] = table

    def leave(self, table: Table) -> None:
        """One store uses the table no longer; the last one closes it."""
        with self.lock:
            table.users -= 1
            if table.alive and not table.users:
                self._files = {identity: other for identity, other in self._files.items() if other is not table}
                table.close()

    def after_fork(self) -> None:
        """In the child, where the parent's threads are gone and its locks may stay held: nothing is found here."""
        tables = [table for table in self._all if table.alive]
        self._begin()
        for table in tables:
            table.abandon()


TABLES: Final = Tables()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=TABLES.after_fork)
