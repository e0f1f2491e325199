"""Which URL a request was sent to, told by configuration, and whether a proof names it (RFC 9449 4.3, check 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mfa_middleware.errors import Code, Refusal
from mfa_middleware.http import Address, Headers, Request, address
from mfa_middleware.uri import (
    InvalidURI,
    decoded,
    has_hidden_separator,
    normalise,
    origin_of,
    spelled,
)

__all__ = ["Origins", "check_target"]

_LOOPBACK_HOST: Final = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[!\"$-\[\]-~]*")  # visible ASCII without the backslash and `#`
_AS_HTTP: Final = {"ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the app is reached from outside. Configuration says it, never a forwarding header.

    `allowed`: normalised origins. `prefix`: the public path prefix that a proxy strips. `proxies`: how many
    trusted proxies append to X-Forwarded-For.
    """

    allowed: tuple[str, ...] = ()
    prefix: str = ""
    proxies: int = 0

    def client(self, request: Request, headers: Headers) -> Address | None:
        """The address of the calling machine: the socket's peer, or what the outermost trusted proxy saw."""
        if not self.proxies:
            return address(request.peer)
        hops = b",".join(headers.all(b"x-forwarded-for")).split(b",")
        return address(hops[-self.proxies].decode("latin-1")) if len(hops) >= self.proxies else None

    def tells_apart(self, headers: Headers) -> bool:
        """Whether `client` differs from machine to machine: it does not behind a proxy that no setting tells of."""
        return self.proxies > 0 or not headers.forwarded

    def of(self, request: Request, headers: Headers) -> tuple[str, ...]:
        """The origin that this request was sent to; several, where MFA_ORIGINS has a host under http and https.

        Raises Refusal (wrong_target).
        """
        if len(self.allowed) == 1:
            return self.allowed
        host = headers.one(b"host")
        if host is None:
            raise Refusal(Code.WRONG_TARGET, "the request does not have exactly one Host header")
        if self.allowed:
            return self._selected(host.decode("latin-1"))
        return (_loopback_origin(request, headers, host.decode("latin-1")),)

    def _selected(self, host: str) -> tuple[str, ...]:
        selected = tuple(origin for origin in self.allowed if _is_host_of(origin, host))
        if not selected:
            raise Refusal(Code.WRONG_TARGET, "Host names none of MFA_ORIGINS")
        return selected


def _is_host_of(origin: str, host: str) -> bool:
    try:
        return origin_of(origin.partition(":")[0], host) == origin
    except InvalidURI:
        return False


def _loopback_origin(request: Request, headers: Headers, host: str) -> str:
    """The origin of a first run without MFA_ORIGINS: both ends of the socket and Host are this machine."""
    cure = "write MFA_ORIGINS=https://api.example.com with the address that machines call"
    if headers.forwarded:
        raise Refusal(Code.WRONG_TARGET, f"MFA_ORIGINS is not set and a proxy stands before the app; {cure}")
    if not (_is_loopback(request.peer) and _is_loopback(request.local)):
        raise Refusal(Code.WRONG_TARGET, f"MFA_ORIGINS is not set and the socket is not loopback; {cure}")
    if _LOOPBACK_HOST.fullmatch(host) is None:
        raise Refusal(Code.WRONG_TARGET, f"MFA_ORIGINS is not set and Host is not a loopback name; {cure}")
    return origin_of(_AS_HTTP.get(request.scheme, request.scheme), host)


def _is_loopback(text: str | None) -> bool:
    parsed = address(text)
    return text == "localhost" or (parsed is not None and parsed.is_loopback)


def check_target(htu: str, request: Request, origins: tuple[str, ...], prefix: str) -> None:
    """Compare `htu` with the URL of this request under one of `origins`, without query and fragment.

    Raises Refusal (wrong_target); where both URLs are honest, its hints tell them.
    """
    path = request.raw_path
    if path == "*" and request.method == "OPTIONS":
        path = ""
    if path and not path.startswith("/"):
        raise Refusal(Code.WRONG_TARGET, "the request target is not in origin form (RFC 9112 3.2.1)")
    path = prefix + path
    if request.exact and htu.endswith(path) and htu[: len(htu) - len(path)] in origins and _PLAIN.fullmatch(htu):
        return
    try:
        signed = normalise(htu, websocket=request.websocket)
        literal = normalise(htu, websocket=request.websocket, keep_dots=True)
    except InvalidURI as error:
        raise Refusal(Code.WRONG_TARGET, f"htu is obfuscated: {error}") from None
    names = _names_raw if request.exact else _names_decoded
    if not any(names(url, origin, path) for origin in origins for url in {signed, literal}):
        expected = origins[0] + path
        hints = {"expected_htu": expected, "signed_htu": signed, "settings": "MFA_ORIGINS, MFA_PATH_PREFIX"}
        raise Refusal(Code.WRONG_TARGET, f"htu is {signed}, expected {expected}", hints=hints)


def _names_raw(signed: str, origin: str, path: str) -> bool:
    """Compare spellings. Dot segments stay on the side of the wire, as the app may take them for names."""
    return signed == origin + spelled(path)


def _names_decoded(signed: str, origin: str, path: str) -> bool:
    """Compare decoded octets, where the server hides the raw path; then no escape may hide a separator."""
    if has_hidden_separator(signed):
        raise Refusal(Code.WRONG_TARGET, "htu has %2F, %5C, %25 or %00, and this server hides the raw path")
    return signed.startswith(f"{origin}/") and decoded(signed[len(origin) :]) == decoded(spelled(path))
