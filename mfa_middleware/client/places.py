"""The primary credentials that a proof binds: where they stand in a request, and their hashes (`ath`, `oth`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias, cast
from urllib.parse import unquote_plus

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.jose.jwk import b64url

__all__ = ["HeaderItems", "Places", "header_lines"]

HeaderItems: TypeAlias = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]
"""The headers of a request: a mapping, or pairs of name and value."""

_PLACE: Final = re.compile(r"(?:(cookie|query):)?([!#$%&'*+.^_`|~0-9A-Za-z-]+)", re.IGNORECASE)
_Lines: TypeAlias = Sequence[tuple[bytes, bytes]]
_Finder: TypeAlias = Callable[[_Lines, str], bytes | None]


def header_lines(headers: HeaderItems) -> list[tuple[bytes, bytes]]:
    """The headers as bytes, names in lower case. Text is latin-1 as HTTP libraries write it, else UTF-8."""
    items = headers.items() if isinstance(headers, Mapping) else headers
    pairs = cast("Iterable[tuple[str | bytes, str | bytes]]", items)
    return [(_octets(name).lower(), _octets(value)) for name, value in pairs]


def _octets(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


class Places:
    """The ordered places of credentials, as the server's MFA_CREDENTIALS: header names, `cookie:NAME`, `query:NAME`.

    Raises ConfigurationError where a place is none of these.
    """

    __slots__ = ("_finders",)

    def __init__(self, places: Iterable[str]) -> None:
        if isinstance(places, str):
            raise ConfigurationError(f"places is the text {places!r}; write a tuple of places")
        self._finders = [(place.lower(), _finder(place)) for place in places]

    def hashes(self, lines: _Lines, query: str) -> list[tuple[str, str]]:
        """Place and base64url(SHA-256) of each credential that is present, in order."""
        found = ((place, find(lines, query)) for place, find in self._finders)
        return [(place, b64url(hashlib.sha256(value).digest())) for place, value in found if value is not None]


def _finder(place: str) -> _Finder:
    match = _PLACE.fullmatch(place)
    if match is None:
        raise ConfigurationError(f"{place!r} is no place of a credential; write a header name, cookie:NAME, query:NAME")
    kind, name = (match[1] or "header").lower(), match[2].encode("ascii")
    if kind == "cookie":
        return lambda lines, _: _cookie(lines, name)
    if kind == "query":
        return lambda _, query: _parameter(query, name)
    if name.lower() == b"authorization":
        return lambda lines, _: _without_scheme(_header(lines, b"authorization"))
    return lambda lines, _: _header(lines, name.lower())


def _header(lines: _Lines, name: bytes) -> bytes | None:
    return next((value.strip(b" \t") for key, value in lines if key == name), None)


def _without_scheme(value: bytes | None) -> bytes | None:
    if value is None:
        return None
    scheme, space, credential = value.partition(b" ")
    return credential.lstrip(b" ") if space else scheme


def _cookie(lines: _Lines, name: bytes) -> bytes | None:
    pairs = (pair.partition(b"=") for key, line in lines if key == b"cookie" for pair in line.split(b";"))
    return next((value.strip() for key, _, value in pairs if key.strip() == name), None)


def _parameter(query: str, name: bytes) -> bytes | None:
    pairs = (pair.partition("=") for pair in query.split("&"))
    return next((_unquote(value) for key, _, value in pairs if _unquote(key) == name), None)


def _unquote(text: str) -> bytes:
    return unquote_plus(text, "latin-1").encode("latin-1")
