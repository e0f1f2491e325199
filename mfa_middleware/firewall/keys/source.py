"""Where keys come from: the setting itself, a file, or an https URL."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Protocol

from mfa_middleware.firewall.keys.document import Document, read_document
from mfa_middleware.firewall.keys.https import FetchError, checked_url
from mfa_middleware.firewall.keys.key import BadKey

__all__ = ["Fetch", "FileSource", "Source", "TextSource", "UrlSource", "source_of"]

_MAX_FILE: Final = 1024 * 1024
_WRITABLE: Final = stat.S_IWGRP | stat.S_IWOTH

Fetch = Callable[[str], bytes]


class Source(Protocol):
    """One item of MFA_JWT_KEYS. `name`: what to call it in an event. `every`: seconds between two looks at it, None
    where it cannot change.
    """

    every: ClassVar[float | None]
    is_remote: ClassVar[bool]

    name: str

    def load(self) -> Document | None:
        """Its keys; None where they are as they were. Raises BadKey or FetchError."""

    def forget(self) -> None:
        """What `load` returned was not taken: the next one returns it again."""


@dataclass(slots=True)
class TextSource:
    """Keys that stand in the setting."""

    text: str
    name: str
    accepted: Set[str]
    every: ClassVar[float | None] = None
    is_remote: ClassVar[bool] = False

    def load(self) -> Document | None:
        return _usable(read_document(self.text, self.accepted, origin=self.name))

    def forget(self) -> None:
        """Nothing is remembered of a text."""


@dataclass(slots=True)
class FileSource:
    """Keys in a file, which is read again when it changes."""

    name: str
    accepted: Set[str]
    state: tuple[int, int, int] | None = None
    every: ClassVar[float | None] = 5.0
    is_remote: ClassVar[bool] = False

    def load(self) -> Document | None:
        try:
            found = os.stat(self.name)  # noqa: PTH116 - a path of a setting, perhaps a symlink of a mounted secret
            state = found.st_mtime_ns, found.st_size, found.st_ino
            if state == self.state:
                return None
            document = _usable(read_document(self._text(found), self.accepted, origin=self.name))
        except OSError as error:
            raise BadKey(f"it cannot be read ({type(error).__name__})") from None
        self.state = state
        return document

    def forget(self) -> None:
        self.state = None

    def _text(self, found: os.stat_result) -> str:
        if not stat.S_ISREG(found.st_mode):
            raise BadKey("it is no regular file")
        if os.name == "posix" and found.st_mode & _WRITABLE:
            raise BadKey("others may write to it; run chmod go-w on it")
        if found.st_size > _MAX_FILE:
            raise BadKey(f"it is larger than {_MAX_FILE} bytes")
        with open(self.name, "rb") as file:  # noqa: PTH123
            return _decoded(file.read(_MAX_FILE))


@dataclass(slots=True)
class UrlSource:
    """A JWK Set at an https URL. Shared secrets are never taken from one."""

    name: str
    accepted: Set[str]
    fetch: Fetch
    body: bytes | None = None
    every: ClassVar[float | None] = 300.0
    is_remote: ClassVar[bool] = True

    def load(self) -> Document | None:
        body = self.fetch(self.name)
        if body == self.body:
            return None
        document = _usable(self._published(read_document(_decoded(body), self.accepted, origin=self.name)))
        self.body = body
        return document

    def forget(self) -> None:
        self.body = None

    @staticmethod
    def _published(document: Document) -> Document:
        public = tuple(key for key in document.keys if not key.is_symmetric)
        if len(public) == len(document.keys):
            return document
        return replace(document, keys=public, faults=(*document.faults, "an HMAC secret is published, and not used"))


def source_of(item: str, number: int, accepted: Set[str], fetch: Fetch) -> Source:
    """The source that an item of MFA_JWT_KEYS names. Raises BadKey."""
    if item.lstrip("\ufeff \t\r\n").startswith("{") or "-----BEGIN " in item:
        return TextSource(item, f"item {number}", accepted)
    if "://" in item:
        checked_url(item)
        return UrlSource(item, accepted, fetch)
    return FileSource(item, accepted)


def _usable(document: Document) -> Document:
    if not document.keys:
        raise BadKey("; ".join(("it has no key that can be used", *document.faults)))
    return document


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadKey("it is not UTF-8 text; write PEM, a JWK or a JWK Set") from None


__all__ += ["BadKey", "FetchError"]
