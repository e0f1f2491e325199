"""The target of a request as a proof names it: `htu` (RFC 9449 4.2) and the raw query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Target"]

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\]*)(/[^?#]*)?(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_AUTHORITY: Final = re.compile(r"(?:.*@)?(\[[^\]]*\]|[^:\[\]]+)(?::([0-9]*))?", re.DOTALL)
_INVISIBLE: Final = re.compile(r"[^!-~]+")
_UNSAFE: Final = re.compile(r"[^!-\[\]-~]")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: origin in lower case without a default port, path and query as on the wire."""

    origin: str
    path: str
    query: str

    @property
    def htu(self) -> str:
        """The URL without query and fragment."""
        return self.origin + self.path

    @classmethod
    def of(cls, url: str) -> Target:
        """Read an absolute URL. What a URL cannot hold (non-ASCII, spaces) is percent-encoded as UTF-8, no more.

        Raises ValueError where the URL is not absolute or its host cannot be read.
        """
        match = _URL.fullmatch(url)
        if match is None:
            raise ValueError("expected an absolute URL such as https://api.example.com/orders")
        scheme, authority, path, query = match.groups("")
        return cls._signed(
            _origin(scheme.lower(), authority), _INVISIBLE.sub(_escape, path), _INVISIBLE.sub(_escape, query)
        )

    @classmethod
    def on_wire(cls, base: str, target: str) -> Target:
        """Put together the URL of a connection and the request target in its request line (RFC 9112 3.2).

        target: one character for each byte (latin-1); its query is hashed exactly as it stands.
        """
        if match := _URL.fullmatch(target):
            base, target = match.expand(r"\1://\2"), target[match.end(2) :]
        path, _, query = target.partition("?")
        return cls._signed(cls.of(base).origin, "/" if path == "*" else path, query)

    @classmethod
    def _signed(cls, origin: str, path: str, query: str) -> Target:
        """A backslash, which some libraries send as it is, makes two parsers see two hosts: htu never has one."""
        return cls(origin, _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", path) or "/", query)


def _origin(scheme: str, authority: str) -> str:
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise ValueError("the URL has no host, or one that cannot be read")
    host, port = _ascii(match[1]).lower(), (match[2] or "").lstrip("0")
    if port in ("", _DEFAULT_PORTS.get(scheme)):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def _ascii(host: str) -> str:
    """The A-labels of an internationalised host (RFC 5891), as the HTTP libraries write them."""
    if host.isascii():
        return host
    try:
        import idna

        return idna.encode(host, uts46=True).decode("ascii")
    except ImportError:
        raise ValueError("write the host in its ASCII form, xn--...") from None
    except UnicodeError:
        raise ValueError("the host is not a valid internationalised name") from None


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{octet:02X}" for octet in match[0].encode("utf-8", "surrogatepass"))
