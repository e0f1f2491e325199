"""Whether this process is the only one of its user and app: what `memory:` needs, because nobody shares it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

from mfa_middleware.errors import ConfigurationError

__all__ = ["stay_alone"]

_HELD: Final[dict[Path, tuple[int, int]]] = {}
"""The process that took each lock, and its descriptor: one for all stores of a process."""
_LOCK: Final = threading.Lock()


def stay_alone(app: str, directory: Path | None = None) -> None:
    """Hold the app for this process until it ends; the child of a fork takes it anew.

    Raises ConfigurationError where another process that lives holds it. Where there are no file locks, nothing is held.
    """
    try:
        import fcntl

        from mfa_middleware.replay.files import store_path
    except ImportError:
        return
    path = store_path(app, directory).with_suffix(".memory")
    with _LOCK:
        process, descriptor = _HELD.get(path, (0, -1))
        if process == os.getpid():
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
        _HELD[path] = os.getpid(), descriptor


def _crowded(app: str) -> ConfigurationError:
    return ConfigurationError(
        f"MFA_REPLAY_STORE: memory: holds for one process, and another one serves the app {app!r}: write "
        "MFA_REPLAY_STORE=shared: for several workers (or a server that forks), or MFA_APP=... for another app"
    )
