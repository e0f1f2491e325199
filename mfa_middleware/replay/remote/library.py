"""The client libraries redis and valkey, of which one is needed: imported when a store is opened, and set up alike.

Neither may retry: whether a claim that was sent and not answered has been written is not known, and asking again
would take it for a replay.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Final, NamedTuple

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay.remote.address import Address
from mfa_middleware.replay.remote.layout import Layout
from mfa_middleware.replay.remote.routed import AsyncRouted, Routed
from mfa_middleware.replay.remote.routing import Node, Routing
from mfa_middleware.replay.remote.watch import Watch

__all__ = ["Library", "load"]

_CLASSES: Final = {"redis": "Redis", "valkey": "Valkey"}
_CONNECTIONS: Final = 10_000
"""As many as there are threads; a smaller pool would turn threads away."""
_NO_RIGHT: Final = ("Authentication required", "unauthenticated", "can't run this command", "ACL failure in script")


class Library(NamedTuple):
    """One of the two packages. `error`: the base of its errors; `refusals`: those of a login that is wrong."""

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

    def refusal(self, error: BaseException | None) -> str | None:
        """Why the server will never serve this user, or such a client; None where it may well, later on."""
        text = str(error)
        if isinstance(error, self.refusals) or any(part in text for part in _NO_RIGHT):
            return text
        if isinstance(error, self.package.exceptions.AskError) or text.startswith(("MOVED ", "ASK ")):
            return f"it is a node of a cluster; write {self.name}+cluster://"
        if "cluster support disabled" in text:
            return f"it is no cluster; write {self.name}://"
        return None


def load(name: str) -> Library:
    """The library called `name`. Raises ConfigurationError where it is not installed."""
    try:
        package, asynchronous = import_module(name), import_module(f"{name}.asyncio")
    except ImportError:
        raise ConfigurationError(
            f"MFA_REPLAY_STORE={name}: needs the package {name}: pip install 'mfa_middleware[{name}]'"
        ) from None
    errors = package.exceptions
    base = errors.RedisError if name == "redis" else errors.ValkeyError
    refusals = (errors.AuthenticationError, errors.NoPermissionError, errors.AuthenticationWrongNumberOfArgsError)
    return Library(name, package, asynchronous, base, errors.NoScriptError, refusals)


def _client(library: Library, package: Any, address: Address, timeout: float) -> Any:
    single = getattr(package, _CLASSES[library.name])
    options = _connection(library, package, timeout) | _tls(address)
    login = {"username": address.username, "password": address.password, "db": address.database}

    def client(node: Node, is_sentinel: bool = False) -> Any:
        if is_sentinel:
            brief = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), timeout / 2)
            return single(host=node[0], port=node[1], **options | brief | dict(address.sentinel_login))
        return single(host=node[0], port=node[1], **options, **login)

    if address.kind == "unix":
        return single(unix_socket_path=address.path, **options, **login)
    if address.kind == "server":
        return client(address.hosts[0])
    kind = AsyncRouted if package is library.asynchronous else Routed
    return kind(_routing(library, address, timeout), client)


def _routing(library: Library, address: Address, timeout: float) -> Routing:
    errors = library.package.exceptions
    if address.service is not None:
        return Watch(address.hosts, errors, timeout, address.service)
    return Layout(address.hosts, errors, timeout, import_module(f"{library.name}.crc").key_slot)


def _connection(library: Library, package: Any, timeout: float) -> dict[str, Any]:
    """How to connect; no greeting, so that a connection is ready after one round trip."""
    new = hasattr(library.package, "driver_info")
    quiet = {"driver_info": None} if new else {"lib_name": None, "lib_version": None}
    patience = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    return {**patience, "protocol": 2, "max_connections": _CONNECTIONS, "retry": _never(library, package), **quiet}


def _tls(address: Address) -> dict[str, Any]:
    if address.tls is None:
        return {}
    for option, path in address.tls.items():
        if not os.access(path, os.R_OK):
            raise ConfigurationError(f"MFA_REPLAY_STORE: the file {path} of {option} cannot be read")
    return {"ssl": True, "ssl_check_hostname": True, "ssl_cert_reqs": "required", **address.tls}


def _never(library: Library, package: Any) -> Any:
    backoff = import_module(f"{library.name}.backoff")
    module = ".asyncio.retry" if package is library.asynchronous else ".retry"
    return import_module(library.name + module).Retry(backoff.NoBackoff(), 0)
