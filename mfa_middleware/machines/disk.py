"""Reading and replacing the registry file, so that nobody but its owner decides what it says."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from mfa_middleware.machines.errors import RegistryError

__all__ = ["StrPath", "read_trusted", "replace"]

StrPath: TypeAlias = str | os.PathLike[str]

# Windows has neither; there the flags fall away, and the checks of owner and mode with them.
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def read_trusted(path: Path) -> bytes:
    """The bytes of a regular file that only its owner can write.

    Raises FileNotFoundError where there is none, and RegistryError for a link, for a file or directory that
    others can write, and where it cannot be read.
    """
    with _said_of(path), os.fdopen(os.open(path, os.O_RDONLY | _NO_FOLLOW), "rb") as file:
        _check_trust(path, os.fstat(file.fileno()))
        return file.read()


@contextlib.contextmanager
def _said_of(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RegistryError(f"{path}: is a symbolic link; name the file that it leads to") from error
        raise RegistryError(f"{path}: {error.strerror or error}{_for_whom(error)}") from error


def _for_whom(error: OSError) -> str:
    if isinstance(error, PermissionError) and hasattr(os, "geteuid"):
        return f" for the user with id {os.geteuid()}; give the file to that user, or a group of it read permission"
    return ""


def _check_trust(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RegistryError(f"{path}: is not a regular file")
    if not hasattr(os, "geteuid"):
        return
    if found.st_mode & _OTHERS_WRITE:
        raise RegistryError(f"{path}: others than its owner can write it; run: chmod go-w {path}")
    folder = path.parent
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not (mode & stat.S_ISVTX and found.st_uid in {0, os.geteuid()}):
        raise RegistryError(
            f"{path}: anybody can replace it, because its directory is open to all; run: chmod o-w {folder}"
        )


def replace(path: Path, data: bytes) -> None:
    """Put new content in place of a file, at once and durably. A new file has mode 0600.

    An existing one keeps its owner, group and mode. Raises RegistryError where that cannot be done.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    with _said_of(path):
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600), "wb") as file:
                file.write(data)
                _keep_owner(path, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)


def _keep_owner(path: Path, draft: BinaryIO) -> None:
    """Without this an edit by root would take the file away from the app that reads it."""
    if not hasattr(os, "fchown"):
        return
    try:
        old = path.lstat()
    except FileNotFoundError:
        return
    new = os.fstat(draft.fileno())
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(draft.fileno(), old.st_uid, old.st_gid)
    os.fchmod(draft.fileno(), stat.S_IMODE(old.st_mode) & ~_OTHERS_WRITE)


def _sync_directory(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
