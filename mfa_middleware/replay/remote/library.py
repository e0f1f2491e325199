"""The client libraries redis and valkey, of which one is needed: imported when a store is opened, and set up alike.

Neither may retry: whether a claim that was sent and not answered has been written is not known, and asking again
would take it for a replay.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, NamedTuple

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay.remote.address import Address

__all__ = ["Library", "load"]

_CLASSES: Final = {"redis": ("Redis", "RedisCluster"), "valkey": ("Valkey", "ValkeyCluster")}


class Library(NamedTuple):
    """One of the two packages. `error`: the base of its errors; `refusals`: those that say that the set-up is wrong."""

    name: str
    package: Any
    asynchronous: Any
    error: type[Exception]
    missing_script: type[Exception]
    refusals: tuple[type[Exception], ...]

    def client(self, address: Address, timeout: float) -> Any:
        """A client for threads, which connects when it is first used."""
        return _client(self, self.package, address, timeout)

    def async_client(self, address: Address, timeout: float) -> Any:
        """A client for one event loop, which connects when it is first used."""
        return _client(self, self.asynchronous, address, timeout)


def load(name: str) -> Library:
    """The library called `name`. Raises ConfigurationError where it is not installed."""
    try:
        package, asynchronous = import_module(name), import_module(f"{name}.asyncio")
        import_module(f"{name}.sentinel")
    except ImportError:
        raise ConfigurationError(
            f"MFA_REPLAY_STORE={name}: needs the package {name}: pip install 'mfa_middleware[{name}]'"
        ) from None
    errors = package.exceptions
    base = errors.RedisError if name == "redis" else errors.ValkeyError
    refusals = (errors.AuthenticationError, errors.NoPermissionError, errors.AuthenticationWrongNumberOfArgsError)
    return Library(name, package, asynchronous, base, errors.NoScriptError, refusals)


def _client(library: Library, package: Any, address: Address, timeout: float) -> Any:
    single, cluster = (getattr(package, name) for name in _CLASSES[library.name])
    options = {**_connection(library, timeout), **_login(address), **_tls(address)}
    if address.kind == "cluster":
        return cluster(**_startup(package, address), **_no_second_try(library, package), **options)
    options |= {"db": address.database, "retry": _never(library, package)}
    if address.kind == "sentinel":
        sentinel = _connection(library, timeout) | _tls(address) | dict(address.sentinel_login)
        sentinels = package.sentinel.Sentinel(list(address.hosts), sentinel_kwargs=sentinel)
        return sentinels.master_for(address.service, **{f"{library.name}_class": single}, **options)
    if address.kind == "unix":
        return single(unix_socket_path=address.path, **options)
    host, port = address.hosts[0]
    return single(host=host, port=port, **options)


def _connection(library: Library, timeout: float) -> dict[str, Any]:
    """How to connect; no greeting, so that a connection is ready after one round trip."""
    quiet = {"driver_info": None} if library.name == "redis" else {"lib_name": None, "lib_version": None}
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout, "protocol": 2, **quiet}


def _login(address: Address) -> dict[str, Any]:
    return {"username": address.username, "password": address.password}


def _tls(address: Address) -> dict[str, Any]:
    return {} if address.tls is None else {"ssl": True, "ssl_check_hostname": True, **address.tls}


def _startup(package: Any, address: Address) -> dict[str, Any]:
    node = package.cluster.ClusterNode
    return {"startup_nodes": [node(host, port) for host, port in address.hosts]}


def _no_second_try(library: Library, package: Any) -> dict[str, Any]:
    if library.name == "redis":
        return {"retry": _never(library, package)}
    if package is library.asynchronous:
        return {"cluster_error_retry_attempts": 0, "connection_error_retry_attempts": 0}
    return {"cluster_error_retry_attempts": 0, "retry": _never(library, package)}


def _never(library: Library, package: Any) -> Any:
    backoff = import_module(f"{library.name}.backoff")
    module = ".asyncio.retry" if package is library.asynchronous else ".retry"
    return import_module(library.name + module).Retry(backoff.NoBackoff(), 0)
