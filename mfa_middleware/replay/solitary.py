"""Whether this process is the only one of its user and app: what `memory:` needs, because nobody shares it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfa_middleware.errors import ConfigurationError

__all__ = ["leave", "stay_alone"]


@dataclass(slots=True)
class _Hold:
    """A locked file, which one it is, and how many stores of this process need it."""

    descriptor: int
    identity: tuple[int, int]
    users: int = 1

    def close(self) -> None:
        """Close the descriptor, unless somebody else did so and it is now that of another file."""
        try:
            status = os.fstat(self.descriptor)
        except OSError:
            return
        if (status.st_dev, status.st_ino) == self.identity:
            os.close(self.descriptor)


class _Holds:
    """The apps that this process holds."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.lock = threading.Lock()
        self.held: dict[Path, _Hold] = {}

    def after_fork(self) -> None:
        """In the child: it holds nothing, and does not keep what its parent holds when that has ended."""
        held = self.held
        self.begin()
        for hold in held.values():
            hold.close()


_HOLDS: Final = _Holds()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_HOLDS.after_fork)


def stay_alone(app: str, directory: Path | None = None) -> None:
    """Hold the app for this process until its last store leaves; the child of a fork must take it anew.

    Raises ConfigurationError where another process that lives holds it. Where there are no file locks, nothing is held.
    """
    try:
        path = _path(app, directory)
    except ImportError:
        return
    with _HOLDS.lock:
        hold = _HOLDS.held.get(path)
        if hold is None:
            _HOLDS.held[path] = _take(path, app)
        else:
            hold.users += 1


def leave(app: str, directory: Path | None = None) -> None:
    """Let go of what `stay_alone` holds, once as many stores have left as have come."""
    if not _HOLDS.held:
        return
    path = _path(app, directory)
    with _HOLDS.lock:
        hold = _HOLDS.held.get(path)
        if hold is None:
            return
        hold.users -= 1
        if not hold.users:
            del _HOLDS.held[path]
            hold.close()


def _path(app: str, directory: Path | None) -> Path:
    from mfa_middleware.replay.files import store_path

    return store_path(app, directory).with_suffix(".memory")


def _take(path: Path, app: str) -> _Hold:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _refused(path, f"{error.strerror}") from error
    try:
        return _Hold(descriptor, _locked(descriptor, path, app))
    except BaseException:
        os.close(descriptor)
        raise


def _locked(descriptor: int, path: Path, app: str) -> tuple[int, int]:
    import fcntl

    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid():
        raise _refused(path, f"it belongs to user {status.st_uid}, not to user {os.geteuid()}")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _crowded(app) from None
    except OSError as error:
        raise _refused(path, f"{error.strerror}") from error
    return status.st_dev, status.st_ino


def _refused(path: Path, fault: str) -> ConfigurationError:
    return ConfigurationError(f"{path}: {fault}: remove it, or set MFA_APP to another name")


def _crowded(app: str) -> ConfigurationError:
    return ConfigurationError(
        f"MFA_REPLAY_STORE: memory: holds for one process, and another one serves the app {app!r}: write "
        "MFA_REPLAY_STORE=shared: for several workers (or a reloader, or a server that forks), or MFA_APP=... for "
        "another app"
    )
