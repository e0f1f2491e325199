"""The primary credentials of a request: where they are looked for, and what a proof must bind (RFC 9449 4.2 `ath`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from mfa_middleware.errors import Code, Refusal
from mfa_middleware.http import Headers
from mfa_middleware.jose.jwk import b64url

__all__ = ["Credential", "Places", "hash_of"]

_SCHEME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ +")
_NOT_TOKEN: Final = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE: Final = re.compile(rb"[!-+\--~]+")  # visible ASCII without the comma that joins two lines
_PARAMETER: Final = (  # possessive, so that no input is tried twice
    rb"""[!#$%&'*+.^_`|~0-9A-Za-z-]++[ \t]*+=[ \t]*+"""
    rb"""(?:"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"|[!#-+\--~]*+)"""
)
_PARAMETERS: Final = re.compile(rb"%b(?:[ \t]*+,[ \t]*+%b)*+" % (_PARAMETER, _PARAMETER))


class Credential(NamedTuple):
    """One primary credential: its place, and its hash as `ath` carries it."""

    place: str
    ath: str
    token: bytes

    def __repr__(self) -> str:
        return f"<Credential in {self.place}>"


def hash_of(token: bytes) -> str:
    """base64url(SHA-256(token)): the form of `ath`, and of a permitted credential (43 characters)."""
    return b64url(hashlib.sha256(token).digest())


class Places:
    """The ordered places of MFA_CREDENTIALS: header names, `cookie:NAME`, `query:NAME`."""

    __slots__ = ("_readers", "header_names")

    def __init__(self, places: Sequence[str]) -> None:
        self._readers = tuple((place.lower(), *_reader(place)) for place in places)
        self.header_names = frozenset(
            b"cookie" if kind == "cookie" else name for _, kind, name in self._readers if kind != "query"
        )

    def find(self, headers: Headers, query: bytes) -> tuple[Credential, ...]:
        """Every primary credential that is present, in order.

        Raises Refusal (wrong_binding) where a place is given twice or holds more than one value: no proof can
        be bound to a credential that two parties read differently.
        """
        found = []
        for place, kind, name in self._readers:
            values: Sequence[bytes]
            if kind == "header":
                values = headers.all(name)
            elif kind == "cookie":
                values = _cookies(headers, name)
            else:
                values = _parameters(query, name)
            if values or name in headers.twins:
                found.append(_credential(place, name, values, headers))
        return tuple(found)

    def values(self, headers: Headers, query: bytes) -> Iterator[tuple[str, bytes]]:
        """Every value in every place, with its place; also where `find` refuses to choose one."""
        for place, kind, name in self._readers:
            if kind == "header":
                yield from ((place, value.strip(b" \t")) for value in headers.all(name))
            else:
                found = _cookies(headers, name) if kind == "cookie" else _parameters(query, name)
                yield from ((place, value) for value in found)


def _reader(place: str) -> tuple[str, bytes]:
    kind, colon, name = place.partition(":")
    if colon:
        return kind.lower(), name.encode("latin-1")
    return "header", place.lower().encode("latin-1")


def _cookies(headers: Headers, name: bytes) -> list[bytes]:
    """The values of a cookie; a name that only some parser trims to this one counts as a value that is none."""
    lines = [line for line in headers.all(b"cookie") if name in line]
    pairs = (pair.partition(b"=") for line in lines for pair in line.split(b";") if name in pair)
    named = ((key.strip(b" \t"), value.strip(b" \t")) for key, _, value in pairs)
    return [value if key == name else b"" for key, value in named if _NOT_TOKEN.sub(b"", key) == name]


def _parameters(query: bytes, name: bytes) -> list[bytes]:
    if name not in _unquote(query):
        return []
    pairs = (pair.partition(b"=") for pair in query.split(b"&"))
    return [_unquote(value) for key, _, value in pairs if _unquote(key) == name]


def _unquote(text: bytes) -> bytes:
    return unquote_plus(text.decode("latin-1"), "latin-1").encode("latin-1")


def _credential(place: str, name: bytes, values: Sequence[bytes], headers: Headers) -> Credential:
    if len(values) != 1 or name in headers.twins:
        raise Refusal(Code.WRONG_BINDING, f"the credential place {place} is given more than once")
    value = values[0].strip(b" \t")
    scheme = _SCHEME.match(value) if place == "authorization" else None
    if scheme is not None:
        value = value[scheme.end() :]
    if _VISIBLE.fullmatch(value) is None and not (scheme and _PARAMETERS.fullmatch(value)):
        raise Refusal(Code.WRONG_BINDING, f"the credential place {place} does not hold exactly one credential")
    return Credential(place, hash_of(value), value)
