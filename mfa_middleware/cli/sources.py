"""Where a secret comes from: standard input, a file, a variable; never the command line, which everybody can read."""

from __future__ import annotations

import getpass
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mfa_middleware.cli.errors import CommandError, UsageError

__all__ = ["FORMS", "check_one_reader", "is_source", "read_bytes", "read_credential", "read_input", "read_text"]

FORMS: Final = "- (standard input), @FILE or env:VARIABLE"

_MAX_BYTES: Final = 65_536
_MAX_BODY: Final = 64 * 1024 * 1024
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCHEMES: Final = (b"bearer", b"dpop", b"basic", b"token")


def is_source(text: str) -> bool:
    """Whether a text says where something is, and is not that something itself."""
    return text == "-" or text[:1] == "@" or text.startswith("env:")


def check_one_reader(sources: Iterable[str | None]) -> None:
    """Raise UsageError where more than one thing is to come from standard input."""
    if sum(source == "-" for source in sources) > 1:
        raise UsageError("standard input can be read once; write @FILE or env:VARIABLE for all but one")


def read_credential(source: str, what: str = "credential", *, schemes: bool = True) -> bytes:
    """A primary credential, without the line end that an editor adds: one word, without its scheme.

    `schemes`: whether a value that begins with a scheme is taken for a mistake. Raises CommandError or OSError.
    """
    value = _read(source, what).strip()
    first, space, _ = value.partition(b" ")
    if space and schemes and first.lower() in _SCHEMES:
        raise CommandError(f"the {what} begins with its scheme; give it without {first.decode()}")
    if not value or any(byte <= 0x20 for byte in value):
        raise CommandError(f"the {what} {'is empty' if not value else 'has spaces or line ends in it'}; give one word")
    return value


def read_text(source: str, what: str) -> str:
    """One line of text, such as the value of a header. Raises CommandError or OSError."""
    value = _read(source, what).strip().decode("latin-1")
    if not value or "\n" in value or "\r" in value or "\0" in value:
        raise CommandError(f"the {what} must be one line that is not empty")
    return value


def read_bytes(path: str, limit: int = _MAX_BYTES) -> bytes:
    """The content of a file of at most `limit` bytes. Raises OSError or CommandError."""
    with Path(path).open("rb") as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise CommandError(f"{path} has more than {limit} bytes; it is not what is expected here")
    return raw


def read_input(limit: int = _MAX_BODY) -> bytes:
    """All of standard input, which can be read once."""
    raw = sys.stdin.buffer.read(limit + 1) if sys.stdin else b""
    if len(raw) > limit:
        raise CommandError(f"standard input has more than {limit} bytes")
    return raw


def _read(source: str, what: str) -> bytes:
    if source == "-":
        return _ask(what) if sys.stdin and sys.stdin.isatty() else read_input(_MAX_BYTES)
    if source[:1] == "@":
        return read_bytes(source[1:])
    name = source.removeprefix("env:")
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"{name[:40]!r} is no name of a variable; write env:API_KEY")
    if not os.environ.get(name):
        raise CommandError(f"the variable {name} is not set; it should hold the {what}")
    return os.environb[name.encode()] if os.supports_bytes_environ else os.environ[name].encode()


def _ask(what: str) -> bytes:
    try:
        return getpass.getpass(f"{what} (not shown): ").encode()
    except EOFError:
        return b""
