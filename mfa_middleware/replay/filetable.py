"""A table in a file that all processes of a host map."""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path
from typing import Final

from mfa_middleware.clock import Clock
from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay.filelocks import GONE, FileLocks
from mfa_middleware.replay.files import OpenFile, identity_of, open_file
from mfa_middleware.replay.geometry import Geometry
from mfa_middleware.replay.table import CLOSING_SECONDS, Table, lock_count
from mfa_middleware.replay.tables import TABLES

__all__ = ["FileTable", "file_table"]

_LOOK_SECONDS: Final = 0.5
_NUMBER, _TIMES = 1, 7
"""Of a status: inode, device, links, user, group and size are in between, and as a rule all are what they were."""


class FileTable(Table):
    """The table in `path`. There is one for each file in a process, as POSIX locks exclude nobody inside one."""

    def __init__(self, path: Path, file: OpenFile) -> None:
        geometry = Geometry.of(file.header.capacity)
        self.path = path
        self.identity = file.identity
        self._file_locks = FileLocks(lock_count(geometry), file.descriptor)
        self._size = geometry.size
        self._look_at = 0.0
        self._usual: tuple[float, ...] = ()
        buffer = _map(file.descriptor, geometry.size)
        super().__init__(buffer, geometry, file.header.secret, self._file_locks)

    def named(self, monotonic: float) -> bool:
        """Whether the path still leads here: else others have a new file, and nothing may be accepted by this one.

        A file that is deleted or covered by another has no name, which is looked at every time. One that was moved
        away is noticed within half a second; until then the new one, if any, is cold, so nothing is accepted twice.
        """
        status = os.fstat(self._file_locks.descriptor)
        if status[_NUMBER:_TIMES] != self._usual and not self._is_whole(status):
            return False
        if self._look_at - _LOOK_SECONDS <= monotonic < self._look_at:
            return True
        self._look_at = monotonic + _LOOK_SECONDS
        return identity_of(self.path) == self.identity

    def _is_whole(self, status: os.stat_result) -> bool:
        if not status.st_nlink or (status.st_dev, status.st_ino) != self.identity or status.st_size != self._size:
            return False
        self._usual = status[_NUMBER:_TIMES]
        return True

    def mend(self) -> None:
        """Open the file again if its descriptor is gone or has become that of another file."""
        if not self._is_ours(self._file_locks.descriptor):
            descriptor = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            self._file_locks.descriptor = descriptor
        if os.fstat(self._file_locks.descriptor).st_size != self._size:
            raise ConfigurationError(f"replay store {self.path}: its size was changed: remove it")

    def _is_ours(self, descriptor: int) -> bool:
        try:
            status = os.fstat(descriptor)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self.identity

    def close(self) -> None:
        self.alive = False
        self._let_go(self._file_locks.retire(CLOSING_SECONDS))

    def abandon(self) -> None:
        descriptor, self._file_locks.descriptor = self._file_locks.descriptor, GONE
        self._let_go(descriptor)

    def _let_go(self, descriptor: int) -> None:
        super().abandon()
        if self._is_ours(descriptor):
            os.close(descriptor)


def file_table(path: Path, capacity: int, clock: Clock) -> FileTable:
    """The table in the file of that name, for one more store of this process. Raises ConfigurationError."""
    with TABLES.lock:
        try:
            table = TABLES.get(identity_of(path)) or FileTable(path, open_file(path, capacity, clock))
            assert isinstance(table, FileTable)
            table.mend()
        except (OSError, StoreError) as error:
            raise ConfigurationError(f"replay store {path} cannot be used: {error}") from error
        TABLES.join(table, table.identity)
        return table


def _map(descriptor: int, size: int) -> mmap.mmap:
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, size, trackfd=False)
    return mmap.mmap(descriptor, size)
