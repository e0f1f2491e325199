"""One writer at a time: an exclusive lock on a file beside the registry."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mfa_middleware.machines.errors import RegistryError

if sys.platform != "win32":
    import fcntl

__all__ = ["locked"]

_PATIENCE: Final = 10.0
_PAUSE: Final = 0.01


@contextlib.contextmanager
def locked(path: Path, patience: float = _PATIENCE) -> Iterator[None]:
    """Hold the lock of a registry file against other threads and processes.

    The lock file is opened anew each time, because a lock excludes nobody who shares its descriptor. Raises
    RegistryError after `patience` seconds, and on hosts without POSIX locks.
    """
    if sys.platform == "win32":
        raise RegistryError(f"{path}: changing a registry needs POSIX file locks; use a POSIX host or edit it by hand")
    descriptor = _open(Path(f"{path}.lock"))
    try:
        _acquire(descriptor, path, patience)
        try:
            yield
        finally:
            # Not left to close: a child forked meanwhile holds a copy of the descriptor, which would keep the lock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _open(name: Path) -> int:
    try:
        return os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RegistryError(f"{name}: {error.strerror or error}; whoever changes the registry must own it") from error


def _acquire(descriptor: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not _try(descriptor, path):
        if time.monotonic() >= deadline:
            raise RegistryError(f"{path}: another command has held {path}.lock for {patience:.0f} s; try again later")
        time.sleep(_PAUSE)


def _try(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise RegistryError(f"{path}.lock: {error.strerror or error}; put it on a file system with locks") from error
    return True
