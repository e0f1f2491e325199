"""The numbered locks of a table that all processes of a host use: one byte of the file each."""

from __future__ import annotations

import errno
import fcntl
import time
from typing import Final

from mfa_middleware.replay.locks import ThreadLocks

__all__ = ["GONE", "PRESENCE", "FileLocks", "lock_byte"]

PRESENCE: Final = 0
"""The byte that each process which uses the file holds a shared lock on, in every version of the layout."""

GONE: Final = -1
"""The descriptor of a file that is closed."""

_TRY: Final = fcntl.LOCK_EX | fcntl.LOCK_NB
_FREE: Final = fcntl.LOCK_UN
_TAKEN: Final = (errno.EAGAIN, errno.EACCES)
_lockf: Final = fcntl.lockf  # found faster here, and this is the hottest call of all
_FIRST: Final = 1
_SPINS: Final = 8
_PAUSE: Final = 0.00002
_LONGEST_PAUSE: Final = 0.002


def lock_byte(descriptor: int, operation: int, byte: int) -> bool:
    """Try a POSIX lock on one byte of a file, without waiting. Raises OSError if the file cannot be locked."""
    try:
        fcntl.lockf(descriptor, operation | fcntl.LOCK_NB, 1, byte)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


class FileLocks(ThreadLocks):
    """Locks that exclude processes and, as POSIX locks exclude nobody inside one, threads as well.

    The kernel frees the locks of a process that is killed. They belong to the process: they are not inherited over
    fork, and closing *any* descriptor of the file frees them all.
    """

    def __init__(self, count: int, descriptor: int) -> None:
        super().__init__(count)
        self.descriptor = descriptor

    def take(self, index: int, wait: float) -> bool:
        lock = self._threads[index]
        if not lock.acquire(False) and not (wait > 0 and lock.acquire(timeout=wait)):
            return False
        taken = False
        try:
            if self.descriptor != GONE:
                _lockf(self.descriptor, _TRY, 1, _FIRST + index)
                taken = True
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            taken = self._poll(_FIRST + index, wait)
        finally:
            if not taken:
                lock.release()
        return taken

    def give(self, index: int) -> None:
        try:
            if self.descriptor != GONE:
                _lockf(self.descriptor, _FREE, 1, _FIRST + index)
        finally:
            self._threads[index].release()

    def retire(self, wait: float) -> int:
        """The descriptor, which nobody uses any more: who has a lock gives it back, and none is given out."""
        descriptor, self.descriptor = self.descriptor, GONE
        self.settle(wait)
        return descriptor

    def _poll(self, byte: int, wait: float) -> bool:
        """POSIX locks know no timeout, and a blocking wait could last for ever behind a stopped process."""
        for _ in range(_SPINS):
            if lock_byte(self.descriptor, fcntl.LOCK_EX, byte):
                return True
        pause, until = _PAUSE, time.monotonic() + wait
        while time.monotonic() < until:
            time.sleep(pause)
            if lock_byte(self.descriptor, fcntl.LOCK_EX, byte):
                return True
            pause = min(2 * pause, _LONGEST_PAUSE)
        return False
