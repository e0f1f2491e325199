"""Where a Valkey or Redis server is: what the URI of MFA_REPLAY_STORE says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from mfa_middleware.errors import ConfigurationError

__all__ = ["SCHEMES", "Address"]

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_PLAIN: Final = {"redis": "redis", "valkey": "valkey"}
_TLS: Final = {"rediss": "redis", "valkeys": "valkey"}
_KINDS: Final = ("", "+sentinel", "+cluster")
_FILES: Final[tuple[str, ...]] = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SENTINEL_LOGIN: Final = ("sentinel_username", "sentinel_password")

SCHEMES: Final = tuple(
    [name + kind for name in (*_PLAIN, *_TLS) for kind in _KINDS] + [f"{name}+unix" for name in _PLAIN]
)
"""`redis:`, `rediss:` (TLS), `redis+sentinel:`, `redis+cluster:`, `redis+unix:`, and the same for `valkey:`."""


@dataclass(frozen=True, slots=True)
class Address:
    """One server (or its socket), the sentinels of one, or a cluster; `library` is the package that speaks to it.

    `tls`: options of its context, None without TLS. `service`: the name that the sentinels know.
    """

    library: str
    kind: str
    hosts: tuple[tuple[str, int], ...] = ()
    path: str | None = None
    service: str | None = None
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Mapping[str, str] | None = None
    sentinel_login: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Raises ConfigurationError, which never tells the password."""
        scheme, _, rest = uri.partition(":")
        name, _, kind = scheme.partition("+")
        if not rest.startswith("//"):
            raise _wrong(f"write {scheme}://HOST:PORT")
        parts, options = _split(uri)
        where = {"unix": _socket, "sentinel": _sentinels, "cluster": _cluster}.get(kind, _server)(parts, options)
        tls = {name: options.pop(name) for name in _FILES if name in options} if name in _TLS else None
        login = {name.removeprefix("sentinel_"): options.pop(name) for name in _SENTINEL_LOGIN if name in options}
        if options:
            raise _wrong(f"the option {min(options)} is not known; known are db, {', '.join(_FILES)} (with TLS)")
        return cls(
            _PLAIN.get(name) or _TLS[name],
            kind or "server",
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
            sentinel_login=login,
            **where,
        )

    def __str__(self) -> str:
        """Where the server is, for people; without any secret."""
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        where = self.path or hosts
        return f"{where}, service {self.service}" if self.service else where


def _split(uri: str) -> tuple[SplitResult, dict[str, str]]:
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise _wrong("write brackets around an IPv6 address, and %5B and %5D in a password") from None
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise _wrong("what stands after the question mark is not NAME=VALUE&NAME=VALUE") from None
    return parts, dict(pairs)


def _server(parts: SplitResult, options: dict[str, str]) -> dict[str, Any]:
    hosts = _hosts(parts, _PORT)
    if len(hosts) != 1:
        raise _wrong("several hosts: write redis+sentinel:// or redis+cluster:// (or the same with valkey)")
    return {"hosts": hosts, "database": _database(parts.path.strip("/"), options)}


def _socket(parts: SplitResult, options: dict[str, str]) -> dict[str, Any]:
    if not parts.path:
        raise _wrong("write the path of the socket, such as redis+unix:///run/valkey.sock")
    return {"path": unquote(parts.path), "database": _database("", options)}


def _sentinels(parts: SplitResult, options: dict[str, str]) -> dict[str, Any]:
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise _wrong("write the name of the service after the hosts of the sentinels, such as /mymaster")
    found = {"hosts": _hosts(parts, _SENTINEL_PORT), "service": unquote(service)}
    return {**found, "database": _database(database, options)}


def _cluster(parts: SplitResult, options: dict[str, str]) -> dict[str, Any]:
    if _database(parts.path.strip("/"), options):
        raise _wrong("a cluster has no numbered databases")
    return {"hosts": _hosts(parts, _PORT)}


def _hosts(parts: SplitResult, default: int) -> tuple[tuple[str, int], ...]:
    return tuple(_host(text, default) for text in parts.netloc.rpartition("@")[2].split(","))


def _host(text: str, default: int) -> tuple[str, int]:
    host, bracket, port = text.partition("]:") if text.startswith("[") else text.partition(":")
    host = host.strip("[]")
    if not host or (bracket and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536)):
        raise _wrong(f"{text!r} is no HOST:PORT")
    return host, int(port) if port else default


def _database(path: str, options: dict[str, str]) -> int:
    text = options.pop("db", None) or path or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise _wrong(f"the database is {text!r}: write its number")
    return int(text)


def _wrong(text: str) -> ConfigurationError:
    return ConfigurationError(f"MFA_REPLAY_STORE: {text}")
