"""Target URIs: which spellings are equal (RFC 3986 6.2.2, 6.2.3), and which no honest client writes."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

__all__ = [
    "InvalidURI",
    "decoded",
    "has_hidden_separator",
    "is_ambiguous_path",
    "is_printable",
    "normalise",
    "normalise_path",
    "origin_of",
    "spelled",
]

_PRINTABLE: Final = re.compile(r"[!-\[\]-~]*")  # visible ASCII without the backslash
_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:[?#].*)?")
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=-]+)(?::([0-9]{0,5}))?")
_PERCENT: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9._~!$&'()*+,;=:@-]*)+/?|/")
_NOT_PATH: Final = re.compile(r"[^A-Za-z0-9._~!$&'()*+,;=:@/%-]")
_HIDDEN: Final = re.compile(r"%(?:2F|5C|25|00)", re.IGNORECASE)
_AMBIGUOUS: Final = re.compile(r"//|\\|(?:^|/)\.{1,2}(?:/|;|$)|%(?:2F|5C|00|2E)", re.IGNORECASE)
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


class InvalidURI(ValueError):  # noqa: N818 - named for what the input is
    """The text is not an absolute URI that an honest client writes. The message never quotes it."""


def is_printable(uri: str) -> bool:
    """Whether a URI is visible ASCII without a backslash."""
    return _PRINTABLE.fullmatch(uri) is not None


def normalise(uri: str, *, websocket: bool = False, keep_dots: bool = False) -> str:
    """`scheme://authority/path` of a URI, in one spelling, without query and fragment.

    `websocket`: ws and wss become http and https. `keep_dots`: dot segments stay.
    Raises InvalidURI for non-ASCII, control characters, spaces, backslashes, user information and percent
    signs in the host: spellings that make two parsers see two hosts.
    """
    if not is_printable(uri):
        raise InvalidURI("it has non-ASCII, control, space or backslash characters")
    match = _URI.fullmatch(uri)
    if match is None:
        raise InvalidURI("it is not an absolute URI")
    scheme, authority, path = match.groups()
    if websocket and scheme.lower() in ("ws", "wss"):
        scheme = "http" + scheme[2:]
    return origin_of(scheme, authority) + (spelled(path) if keep_dots else normalise_path(path))


def origin_of(scheme: str, authority: str) -> str:
    """`scheme://host[:port]` in lower case, without the default port. Raises InvalidURI."""
    if "@" in authority or "%" in authority:
        raise InvalidURI("its authority has user information or a percent sign")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise InvalidURI("its authority is not a host and a port")
    scheme, host, port = scheme.lower(), match[1].lower(), (match[2] or "").lstrip("0")
    if not port or port == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def normalise_path(path: str) -> str:
    """A raw path in one spelling: escapes in upper case and only where needed, no dot segments, never empty.

    `path` holds one character per byte of the wire (latin-1).
    """
    return _without_dot_segments(spelled(path)) or "/"


def spelled(path: str) -> str:
    """The same, with its dot segments: a path as an app sees it, which may take them for names."""
    if _PLAIN_PATH.fullmatch(path):
        return path
    return _PERCENT.sub(_one_escape, _NOT_PATH.sub(_escape, path)) or "/"


def decoded(path: str) -> bytes:
    """The octets of a spelled path with every escape undone, as a server that hides the raw path shows them."""
    return unquote_to_bytes(path)


def has_hidden_separator(path: str) -> bool:
    """Whether a path has %2F, %5C, %25 or %00, which read otherwise once decoded."""
    return _HIDDEN.search(path) is not None


def is_ambiguous_path(path: str) -> bool:
    """Whether two parties can read a path differently: `//`, backslash, dot segments, %2F, %5C, %00, %2E."""
    return _AMBIGUOUS.search(path) is not None


def _escape(match: re.Match[str]) -> str:
    return f"%{ord(match[0]) & 0xFF:02X}"


def _one_escape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char in _UNRESERVED else f"%{match[1].upper()}"


def _without_dot_segments(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    trailing = "/" if segments[-1] in (".", "..") and kept else ""
    return "/" + "/".join(kept) + trailing
