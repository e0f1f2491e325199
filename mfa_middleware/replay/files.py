"""The file of a shared table: its name, the checks before it is trusted, and how it comes to be.

A file is made complete under another name and then linked to its own, so that nobody ever sees half of it and only
one of several workers makes it. It is never trusted for its name: the owner, the mode, the size and the header count.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfa_middleware.clock import Clock
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay.era import Era, boot_id
from mfa_middleware.replay.filelocks import PRESENCE, lock_byte
from mfa_middleware.replay.geometry import FIRST_PAGE, Geometry
from mfa_middleware.replay.header import LAYOUT, Header, first_page, parse

__all__ = ["Identity", "OpenFile", "identity_of", "open_file", "store_path"]

Identity = tuple[int, int]
"""Device and inode of a file."""

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - what is put there is made exclusively, and checked
_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES: Final = 16
_PRESENCE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open, checked file, on which this process is marked as present."""

    descriptor: int
    identity: Identity
    header: Header


def store_path(app: str, directory: Path | None = None) -> Path:
    """The file for an application of this user: in memory where the system offers it, else with temporary files."""
    if directory is None:
        usable = _MEMORY.is_dir() and os.access(_MEMORY, os.R_OK | os.W_OK | os.X_OK)
        directory = _MEMORY if usable else Path(tempfile.gettempdir())
    digest = hashlib.blake2b(app.encode(), digest_size=8).hexdigest()
    return directory / f"mfa_middleware-{os.geteuid()}-{digest}"


def identity_of(path: Path) -> Identity | None:
    """Which file has this name now, if any."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def open_file(path: Path, capacity: int, clock: Clock) -> OpenFile:
    """Open the file of that name, or make it. Raises ConfigurationError, with what to do, if it cannot be trusted.

    A file for another capacity is used as it is while another process uses it, and made anew otherwise.
    """
    for _ in range(_TRIES):
        try:
            file = _open(path) or _create(path, capacity, clock, replace=False)
            file = file and _settled(path, file, capacity, clock)
        except OSError as error:
            raise _refused(path, f"{error.strerror}", _cure(error)) from error
        if file:
            return file
    raise _refused(path, "it is replaced again and again", "stop what replaces it")


def _open(path: Path) -> OpenFile | None:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise _refused(path, "it is not a regular file")
        descriptor = os.open(path, _OPEN)
    except FileNotFoundError:
        return None
    try:
        return _checked(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def _checked(path: Path, descriptor: int) -> OpenFile:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _refused(path, "it is not a regular file")
    if status.st_uid != os.geteuid():
        raise _refused(path, f"it belongs to user {status.st_uid}, not to user {os.geteuid()}")
    if stat.S_IMODE(status.st_mode) != 0o600:
        raise _refused(path, f"its mode is {stat.S_IMODE(status.st_mode):04o}, not 0600, so others may have changed it")
    header = parse(os.pread(descriptor, FIRST_PAGE, 0))
    if header is None:
        raise _refused(path, "it is not a replay store")
    if header.layout == LAYOUT and not (header.sound and status.st_size == Geometry.of(header.capacity).size):
        raise _refused(path, "it is damaged")
    return OpenFile(descriptor, (status.st_dev, status.st_ino), header)


def _settled(path: Path, file: OpenFile, capacity: int, clock: Clock) -> OpenFile | None:
    """Mark this process as present, and replace the file if it does not fit and nobody else is; None if it moved."""
    present = _is_marked(file.descriptor)
    if not present or identity_of(path) != file.identity:
        os.close(file.descriptor)
        if not present:
            raise _refused(path, "another process does not let go of it", "stop that process")
        return None
    if file.header.layout == LAYOUT and file.header.capacity == capacity:
        return file
    if lock_byte(file.descriptor, fcntl.LOCK_EX, PRESENCE):
        try:
            return _create(path, capacity, clock, replace=True)
        finally:
            os.close(file.descriptor)
    if file.header.layout == LAYOUT:
        return file
    os.close(file.descriptor)
    raise _refused(path, "processes with another version of mfa_middleware use it", "stop them before you start these")


def _is_marked(descriptor: int) -> bool:
    until = time.monotonic() + _PRESENCE_SECONDS
    while not lock_byte(descriptor, fcntl.LOCK_SH, PRESENCE):
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


def _create(path: Path, capacity: int, clock: Clock, *, replace: bool) -> OpenFile | None:
    """A new file under that name; None if another process was first."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, _OPEN | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        file = _filled(descriptor, capacity, clock)
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, FileExistsError):
            return None
        raise
    finally:
        temporary.unlink(missing_ok=True)
    return file


def _filled(descriptor: int, capacity: int, clock: Clock) -> OpenFile:
    os.fchmod(descriptor, 0o600)
    _reserve(descriptor, Geometry.of(capacity).size)
    page = first_page(capacity, Era.first(clock, boot_id()))
    os.pwrite(descriptor, page, 0)
    lock_byte(descriptor, fcntl.LOCK_SH, PRESENCE)
    status, header = os.fstat(descriptor), parse(page)
    assert header is not None
    return OpenFile(descriptor, (status.st_dev, status.st_ino), header)


def _reserve(descriptor: int, size: int) -> None:
    """Claim the memory now: with none left, writing to a mapped page would kill the process."""
    os.ftruncate(descriptor, size)
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise


def _refused(path: Path, fault: str, cure: str = "remove it, or set MFA_APP to another name") -> ConfigurationError:
    return ConfigurationError(f"replay store {path}: {fault}: {cure}")


def _cure(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "make room there (docker run --shm-size), or lower MFA_CAPACITY"
    return "let this user write there, or choose another store with MFA_REPLAY_STORE"
