"""A token that a command is given: where it is, or the token itself, which is then said to be seen by others."""

from __future__ import annotations

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.errors import CommandError
from mfa_middleware.cli.sources import FORMS, is_source, read_credential, read_input

__all__ = ["FORMS_OF_TOKEN", "read_presented", "read_token"]

FORMS_OF_TOKEN = f"the token, or {FORMS}"
_MAX_BYTES = 1_048_576
_SEEN = "a token on the command line can be read by other users of this host, and stays in the history of the shell"


def read_token(text: str, console: Console) -> bytes:
    """A good token: one word, without its scheme. Raises CommandError or OSError."""
    if is_source(text):
        return read_credential(text, "token")
    console.warn(f"{_SEEN}; write {FORMS}")
    return text.encode("latin-1", "replace")


def read_presented(text: str, console: Console) -> bytes:
    """Any bytes that were presented as a token, without the line end that an editor adds."""
    if text == "-":
        value = read_input(_MAX_BYTES).rstrip(b"\r\n")
    elif is_source(text):
        value = read_credential(text, "token", schemes=False)
    else:
        console.warn(f"{_SEEN}; where it may still be good, write {FORMS}")
        value = text.encode("utf-8", "surrogateescape")
    first, space, rest = value.partition(b" ")
    value = rest.lstrip(b" ") if space and first.lower() in (b"bearer", b"dpop") else value
    if not value:
        raise CommandError("the token is empty")
    return value
