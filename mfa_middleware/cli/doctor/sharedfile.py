"""The file of `shared:` as it is: looked at, never made, changed or replaced."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from mfa_middleware.errors import ConfigurationError

__all__ = ["Look", "look"]

_OPEN: Final = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(slots=True)
class Look:
    """What there is at the path of the file.

    `fault`: why no app can use it. `capacity`, `in_use`: of a file that is sound. `needed`: bytes that a new one takes.
    `free`: bytes that its file system has left. `others`: users who have a file for an app of this name.
    """

    path: str
    user: int
    needed: int
    free: int
    others: list[int] = field(default_factory=list)
    exists: bool = False
    owner: int = -1
    mode: int = 0
    size: int = 0
    fault: str = ""
    capacity: int = 0
    in_use: bool = False


def look(app: str, capacity: int, *, hear: Callable[[], Any], tell: Callable[[object], None]) -> object:
    """A Look at the file of an app. Raises ConfigurationError where there are no such files, or OSError."""
    del hear, tell
    try:
        from mfa_middleware.replay.files import store_path
    except ImportError:
        raise ConfigurationError("shared: needs POSIX file locks, which this system lacks") from None
    from mfa_middleware.replay.geometry import Geometry

    path = store_path(app)
    room = os.statvfs(path.parent)
    found = Look(str(path), os.geteuid(), Geometry.of(capacity).size, room.f_bavail * room.f_frsize)
    found.others = _others(path, found.user)
    try:
        _look_at(path, found)
    except FileNotFoundError:
        pass
    except PermissionError:
        found.fault = "this user cannot open it"
    return asdict(found)


def _others(path: Path, user: int) -> list[int]:
    kind, _, digest = path.name.split("-")
    users = (other.name.split("-")[1] for other in path.parent.glob(f"{kind}-*-{digest}"))
    return sorted(int(text) for text in users if text.isdecimal() and int(text) != user)


def _look_at(path: Path, found: Look) -> None:
    status = path.lstat()
    found.exists, found.owner, found.mode = True, status.st_uid, stat.S_IMODE(status.st_mode)
    found.size = status.st_size
    if not stat.S_ISREG(status.st_mode):
        found.fault = "it is not a regular file"
    elif found.owner != found.user:
        found.fault = f"it belongs to user {found.owner}, not to user {found.user}"
    elif found.mode != 0o600:
        found.fault = f"its mode is {found.mode:04o}, not 0600, so others may have changed it"
    else:
        descriptor = os.open(path, _OPEN)
        try:
            _look_into(descriptor, found)
        finally:
            os.close(descriptor)


def _look_into(descriptor: int, found: Look) -> None:
    import fcntl

    from mfa_middleware.replay.filelocks import PRESENCE, lock_byte
    from mfa_middleware.replay.geometry import FIRST_PAGE, Geometry
    from mfa_middleware.replay.header import LAYOUT, parse

    header = parse(os.pread(descriptor, FIRST_PAGE, 0))
    if header is None:
        found.fault = "it is not a replay store"
        return
    found.in_use = not lock_byte(descriptor, fcntl.LOCK_EX, PRESENCE)
    if header.layout != LAYOUT:
        found.fault = "processes with another version of mfa_middleware use it" if found.in_use else ""
    elif not header.sound or found.size != Geometry.of(header.capacity).size:
        found.fault = "it is damaged"
    else:
        found.capacity = header.capacity
