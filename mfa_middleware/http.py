"""A request as the core sees it, and the rules for reading its headers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain, product
from operator import add
from typing import Final, NamedTuple, TypeAlias

from mfa_middleware.uri import is_ambiguous_path

__all__ = ["Address", "HeaderRules", "Headers", "Request", "address", "is_preflight", "matches_exactly"]

Address: TypeAlias = IPv4Address | IPv6Address

_FORWARDING: Final = (
    b"forwarded",
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-proto",
    b"x-real-ip",
)
_LONGEST_ADDRESS: Final = 128
_NO_TWINS: Final[frozenset[bytes]] = frozenset()
_ALWAYS: Final = (
    b"dpop",
    b"host",
    b"origin",
    b"access-control-request-method",
    b"content-length",
    b"transfer-encoding",
)


class Request(NamedTuple):
    """One request, before the app sees it.

    `raw_path` is the path on the wire with any mount prefix, one character per byte, without the query; where
    a server hides it, the quoted decoded path with `exact` False. `routed_path` is the decoded path that the
    app routes on, without its mount prefix `root`. `query` is raw. Header names are in lower case.
    `peer` and `local` are the addresses of the two ends of the socket.
    """

    method: str
    scheme: str
    raw_path: str
    query: bytes
    headers: Iterable[tuple[bytes, bytes]]
    routed_path: str
    root: str = ""
    exact: bool = True
    peer: str | None = None
    local: str | None = None
    websocket: bool = False

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.raw_path}>"  # neither headers nor query: they hold credentials


class Headers:
    """The headers that the check reads, from one pass over all of them.

    `repeated`: every line of each wanted header, where some header has several lines; else None, and `single` has
    them all. `twins` are wanted names that also came with `_` for `-`: CGI and some frameworks read both as one.
    """

    __slots__ = ("_repeated", "_single", "twins")

    def __init__(
        self,
        single: Mapping[bytes, bytes],
        repeated: Mapping[bytes, Sequence[bytes]] | None = None,
        twins: frozenset[bytes] = _NO_TWINS,
    ) -> None:
        self._single = single
        self._repeated = repeated
        self.twins = twins

    def all(self, name: bytes) -> Sequence[bytes]:
        """Every line of a wanted header, in order."""
        if self._repeated is not None:
            return self._repeated.get(name, ())
        value = self._single.get(name)
        return () if value is None else (value,)

    @property
    def last(self) -> Mapping[bytes, bytes]:
        """Every header that came, by name; of several lines the last."""
        return self._single

    @property
    def has_repeated(self) -> bool:
        """Whether some header has several lines."""
        return self._repeated is not None

    def one(self, name: bytes) -> bytes | None:
        """The value of a header that has exactly one line; None where it has none or several."""
        lines = self.all(name)
        return lines[0] if len(lines) == 1 else None

    @property
    def forwarded(self) -> bool:
        """Whether any header says that a proxy stands before this server."""
        return not self._single.keys().isdisjoint(_FORWARDING)


class HeaderRules:
    """Which headers the check reads, compiled once."""

    __slots__ = ("_twins", "_wanted")

    def __init__(self, names: Iterable[bytes]) -> None:
        self._wanted = frozenset((*names, *_ALWAYS, *_FORWARDING))
        self._twins = frozenset(chain.from_iterable(map(_spellings, self._wanted))) - self._wanted

    def scan(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Collect the wanted headers in one pass, and note their underscore twins (CVE-2026-3902)."""
        pairs = headers if isinstance(headers, list) else list(headers)
        single = dict(pairs)
        repeated = self._repeated(pairs) if len(single) != len(pairs) else None
        if self._twins.isdisjoint(single):
            return Headers(single, repeated)
        twins = (name.replace(b"_", b"-") for name in self._twins.intersection(single))
        return Headers(single, repeated, frozenset(twins))

    def _repeated(self, pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
        lines: dict[bytes, list[bytes]] = {}
        for name, value in pairs:
            if name in self._wanted:
                lines.setdefault(name, []).append(value)
        return lines


def _spellings(name: bytes) -> Iterator[bytes]:
    """Every way to write a name with `_` for `-`; none, where it has `_` of its own."""
    if b"_" in name:
        return
    first, *rest = name.split(b"-")
    for hyphens in product((b"-", b"_"), repeat=len(rest)):
        yield first + b"".join(map(add, hyphens, rest))


def address(text: str | None) -> Address | None:
    """An address without zone and IPv4 mapping; None where the text is not one (a unix socket, `unknown`)."""
    return _address(text) if text is not None and len(text) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    try:
        parsed = ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def is_preflight(request: Request, headers: Headers) -> bool:
    """Whether this is a CORS preflight: no credential may be asked of it (Fetch 3.2.2), and it has no body."""
    return (
        request.method == "OPTIONS"
        and headers.one(b"origin") is not None
        and headers.one(b"access-control-request-method") is not None
        and not headers.all(b"transfer-encoding")
        and all(length == b"0" for length in headers.all(b"content-length"))
    )


def matches_exactly(request: Request, paths: frozenset[str]) -> bool:
    """Whether the raw *and* the routed path equal one of `paths`, with no second way to read either."""
    if request.routed_path not in paths or is_ambiguous_path(request.raw_path):
        return False
    return request.raw_path in (request.routed_path, request.root + request.routed_path)
