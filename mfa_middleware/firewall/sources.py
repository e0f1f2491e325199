"""Where else in a request a token may be: in places that the check does not read, and some app may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from mfa_middleware.http import Headers

__all__ = ["Stray", "authorization_tokens", "strays"]

_MAX_PARTS: Final = 256
_LONGEST: Final = 16_384
_SCHEME: Final = re.compile(rb"(bearer|dpop)[ \t]+", re.IGNORECASE)
_TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")


class Stray(NamedTuple):
    """A token outside the credential places: its kind (`query` or `cookie`), its name there, and its text."""

    kind: str
    name: str
    text: str

    @property
    def is_token(self) -> bool:
        """Whether it has the form of a JWT."""
        return _TOKEN.match(self.text) is not None

    @property
    def is_proof(self) -> bool:
        """Whether it is named as a proof of possession is."""
        return self.name.casefold() == "dpop"

    @property
    def is_access_token(self) -> bool:
        """Whether a server of RFC 6750 reads it as the access token."""
        return self.name.casefold() == "access_token"


def strays(headers: Headers, query: bytes) -> Iterator[Stray]:
    """What the query and the cookies hold; at most a bounded number, each read once."""
    for kind, text, separator in (("query", query, b"&"), ("cookie", b";".join(headers.all(b"cookie")), b";")):
        for part in text[:_LONGEST].split(separator, _MAX_PARTS)[:_MAX_PARTS]:
            name, _, value = part.partition(b"=")
            if value:
                yield Stray(kind, _text(name).strip(), _text(value).strip(' "'))


def authorization_tokens(headers: Headers) -> list[str]:
    """The Bearer and DPoP credentials of the Authorization header."""
    lines = headers.all(b"authorization")
    return [line[match.end() :].decode("latin-1").strip() for line in lines if (match := _SCHEME.match(line))]


def _text(raw: bytes) -> str:
    text = raw.decode("latin-1")
    return unquote_plus(text, "latin-1") if "%" in text or "+" in text else text
