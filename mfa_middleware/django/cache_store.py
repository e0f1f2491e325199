"""`django-cache:ALIAS`: the replay store on the server of a cache of the project, where that server keeps what it is
given.

The cache's own `add` is not used: the store speaks to the server itself, and each claim is one atomic step there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from django.conf import settings as project
from django.core.exceptions import ImproperlyConfigured

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay.base import Options
from mfa_middleware.replay.remote.store import RemoteStore

__all__ = ["CacheStore", "server_of"]

_DJANGO: Final = "django.core.cache.backends."
_LIBRARIES: Final = {
    f"{_DJANGO}redis.RedisCache": "redis",
    "django_redis.cache.RedisCache": "redis",
    "django_valkey.cache.ValkeyCache": "valkey",
}
_REASONS: Final = {
    f"{_DJANGO}locmem.LocMemCache": "each process has its own, which drops entries when it is full",
    f"{_DJANGO}filebased.FileBasedCache": "its add is not atomic",
    f"{_DJANGO}db.DatabaseCache": "it drops entries when it is full",
    f"{_DJANGO}memcached.PyMemcacheCache": "memcached drops entries when it is full",
    f"{_DJANGO}memcached.PyLibMCCache": "memcached drops entries when it is full",
    f"{_DJANGO}dummy.DummyCache": "it remembers nothing",
}
_CLIENTS: Final = ("DefaultClient", "HerdClient")
_PLAIN, _TLS, _UNIX = ("redis", "valkey"), ("rediss", "valkeys"), "unix"
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_INSTEAD: Final = "write shared: (one host), or valkey://HOST:PORT or redis://HOST:PORT (all hosts)"


class CacheStore:
    """How the store of a cache is opened."""

    @classmethod
    def open(cls, uri: str, options: Options) -> RemoteStore:
        """Raises ConfigurationError where the cache cannot be a store, with what to write instead."""
        return RemoteStore.open(server_of(uri), options)


def server_of(uri: str) -> str:
    """The URI of the server behind `django-cache:ALIAS`; no I/O. Raises ConfigurationError."""
    alias = uri.partition(":")[2]
    cache = _cache(alias)
    backend = str(cache.get("BACKEND"))
    library = _LIBRARIES.get(backend)
    if library is None:
        reason = _REASONS.get(backend, "it is not known to keep what it is given")
        raise _unfit(alias, f"is {backend}, and {reason}")
    options: Mapping[str, Any] = cache.get("OPTIONS", {})
    _check_client(alias, options, library)
    location = cache.get("LOCATION", "")
    servers = location.replace(";", ",").split(",") if isinstance(location, str) else list(location)
    if not servers or not servers[0]:
        raise _unfit(alias, "has no LOCATION")
    return _uri(alias, urlsplit(str(servers[0]).strip()), options, library)


def _cache(alias: str) -> Mapping[str, Any]:
    try:
        caches: Mapping[str, Mapping[str, Any]] = project.CACHES
    except ImproperlyConfigured:
        raise ConfigurationError(
            "MFA_REPLAY_STORE: django-cache: needs the settings of the project: set DJANGO_SETTINGS_MODULE"
        ) from None
    if alias not in caches:
        raise ConfigurationError(f"MFA_REPLAY_STORE: CACHES has no {alias!r}; write one of {', '.join(sorted(caches))}")
    return caches[alias]


def _check_client(alias: str, options: Mapping[str, Any], library: str) -> None:
    """The third-party caches have clients that spread keys over servers, or that ask sentinels."""
    client = str(options.get("CLIENT_CLASS", _CLIENTS[0])).rpartition(".")[2]
    if "SENTINELS" in options or client == "SentinelClient":
        raise _unfit(alias, "asks sentinels", f"write {library}+sentinel://HOST:PORT/SERVICE")
    if client not in _CLIENTS:
        raise _unfit(alias, f"uses {client}", f"write {library}://HOST:PORT, one server of them")


def _uri(alias: str, server: SplitResult, options: Mapping[str, Any], library: str) -> str:
    """What the location says counts, as it does for the cache; what it does not say stands in the options."""
    scheme = _scheme(alias, server.scheme, library)
    given = {**options, **options.get("CONNECTION_POOL_KWARGS", {})}
    given = {str(name).lower(): value for name, value in given.items() if value is not None}
    login, at, hosts = server.netloc.rpartition("@")
    if not at and "password" in given:
        login = f"{quote(str(given.get('username', '')), safe='')}:{quote(str(given['password']), safe='')}"
    more = [(name, str(given[name])) for name in _FILES if name in given and scheme in _TLS]
    if "db" in given and not server.path.strip("/") and "db=" not in server.query:
        more.append(("db", str(given["db"])))
    query = "&".join(part for part in (server.query, urlencode(more)) if part)
    return f"{scheme}://{login}{'@' * bool(login)}{hosts}{server.path}{'?' * bool(query)}{query}"


def _scheme(alias: str, written: str, library: str) -> str:
    if written in _TLS:
        return _TLS[_PLAIN.index(library)]
    if written in (*_PLAIN, _UNIX):
        return library if written in _PLAIN else f"{library}+unix"
    raise _unfit(alias, f"has a LOCATION that begins with {written or 'no scheme'}")


def _unfit(alias: str, what: str, instead: str = _INSTEAD) -> ConfigurationError:
    return ConfigurationError(f"MFA_REPLAY_STORE: the cache {alias!r} {what}; {instead}")
