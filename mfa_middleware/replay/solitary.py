"""Whether this process is the only one of its user and app: what `memory:` needs, because nobody shares it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

from mfa_middleware.errors import ConfigurationError

__all__ = ["leave", "stay_alone"]

_HELD: Final[dict[Path, tuple[int, int, int]]] = {}
"""The process that took each lock, its descriptor, and how many stores of that process need it."""
_LOCK: Final = threading.Lock()


def stay_alone(app: str, directory: Path | None = None) -> None:
    """Hold the app for this process until its last store leaves; the child of a fork takes it anew.

    Raises ConfigurationError where another process that lives holds it. Where there are no file locks, nothing is held.
    """
    try:
        import fcntl

        from mfa_middleware.replay.files import store_path
    except ImportError:
        return
    path = store_path(app, directory).with_suffix(".memory")
    with _LOCK:
        process, descriptor, users = _HELD.get(path, (0, -1, 0))
        if process == os.getpid():
            _HELD[path] = process, descriptor, users + 1
            return
        if process:
            os.close(descriptor)
            del _HELD[path]
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}: remove it, or set MFA_APP to another name") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise _crowded(app) from None
        _HELD[path] = os.getpid(), descriptor, 1


def leave(app: str, directory: Path | None = None) -> None:
    """Let go of what `stay_alone` holds, once as many stores have left as have come."""
    if not _HELD:
        return
    from mfa_middleware.replay.files import store_path

    path = store_path(app, directory).with_suffix(".memory")
    with _LOCK:
        process, descriptor, users = _HELD.get(path, (0, -1, 0))
        if process != os.getpid():
            return
        if users > 1:
            _HELD[path] = process, descriptor, users - 1
        else:
            os.close(descriptor)
            del _HELD[path]


def _crowded(app: str) -> ConfigurationError:
    return ConfigurationError(
        f"MFA_REPLAY_STORE: memory: holds for one process, and another one serves the app {app!r}: write "
        "MFA_REPLAY_STORE=shared: for several workers (or a server that forks), or MFA_APP=... for another app"
    )
