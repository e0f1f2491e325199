"""A header as it is typed: its value, or where its secret comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from mfa_middleware.cli.errors import UsageError
from mfa_middleware.cli.sources import is_source, read_credential, read_text

__all__ = ["Header", "read_header"]

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Header:
    """`source`: where the value is, `-`, `@FILE` or `env:VARIABLE`, behind `scheme`; else `value` is the value."""

    name: str
    scheme: str = ""
    source: str | None = None
    value: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Header:
        """Read `NAME: VALUE`. Raises UsageError, which does not quote the value."""
        name, colon, value = text.partition(":")
        value = value.strip(" \t")
        if not colon or _NAME.fullmatch(name) is None:
            raise UsageError("a --header is not of the form 'NAME: VALUE' (not shown, it may be a secret)")
        if not value.isprintable():
            raise UsageError(f"--header {name}: the value has characters that no header has")
        if is_source(value):
            return cls(name, source=value)
        scheme, _, rest = value.partition(" ")
        if name.lower() == "authorization" and is_source(rest):
            return cls(name, scheme, rest)
        return cls(name, value=value)


def read_header(header: Header) -> tuple[str, str]:
    """Name and value of a header, from wherever the value is. Raises CommandError or OSError."""
    if header.source is None:
        return header.name, header.value
    if header.name.lower() == "cookie":
        return header.name, read_text(header.source, header.name)
    secret = read_credential(header.source, f"value of {header.name}", schemes=not header.scheme)
    return header.name, f"{header.scheme} {secret.decode('latin-1')}".lstrip()
