"""A file that changes under us: tells new content from old, without reading it more often than needed."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Final, TypeAlias

from mfa_middleware.machines.disk import read_trusted
from mfa_middleware.machines.errors import RegistryError

__all__ = ["WatchedFile"]

Version: TypeAlias = tuple[int, int, int, int, int]

# File times are coarse (2 s on FAT): until a version is older than that, a second write may look the same.
_SETTLING: Final = 3.0


class WatchedFile:
    """A path, and which content of it was handed out last. Not thread-safe: its owner lets one thread in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._version: Version | None = None
        self._settled = 0.0
        self._digest: bytes | None = None

    def pending(self, now: float) -> bool:
        """Whether `read` may have news; costs one stat. `now`: monotonic seconds."""
        version = self._look()
        return version is None or version != self._version or now < self._settled

    def read(self, now: float) -> bytes | None:
        """The content where it differs from what was handed out last.

        Raises FileNotFoundError or RegistryError; the next call then starts anew.
        """
        version = self._look()
        if version != self._version:
            self._version, self._settled = version, now + _SETTLING
        try:
            data = read_trusted(self.path)
        except (FileNotFoundError, RegistryError):
            self.forget()
            raise
        digest = blake2b(data).digest()
        if digest == self._digest:
            return None
        self._digest = digest
        return data

    def forget(self) -> None:
        """Forget what was handed out, so that the next `read` hands it out again."""
        self._version = self._digest = None

    def _look(self) -> Version | None:
        try:
            found = self.path.lstat()
        except OSError:
            return None
        self.size = found.st_size
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
