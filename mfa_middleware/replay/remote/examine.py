"""What a Valkey or Redis server says about itself, for an operator who wants to know whether it may keep proofs."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import Any

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay.remote.address import Address
from mfa_middleware.replay.remote.library import Library, load

__all__ = ["Server", "examine"]


@dataclass(frozen=True, slots=True)
class Server:
    """One server that writes. `maxmemory`, `used`: bytes, 0 for no limit. `ahead`: seconds by which this host's clock
    is ahead of its. `waits_for_replicas`: whether it refuses to write while replicas are missing.
    """

    name: str
    version: str
    role: str
    policy: str
    maxmemory: int
    used: int
    ahead: float
    replicas: int
    waits_for_replicas: bool


def examine(uri: str, timeout: float) -> list[Server]:
    """The server that a URI names, the primary that its sentinels name, or every primary of a cluster.

    Raises StoreError where one does not answer within `timeout` seconds, and ConfigurationError where it refuses this
    user or where the URI is wrong.
    """
    address = Address.parse(uri)
    library = load(address.library)
    try:
        if address.kind in ("server", "unix"):
            return [_ask(str(address), library, address, timeout)]
        return [_ask(str(one), library, one, timeout) for one in _primaries(library, address, timeout)]
    except (library.error, OSError) as error:
        if refusal := library.refusal(error):
            raise ConfigurationError(f"MFA_REPLAY_STORE: {address} refuses: {refusal}") from None
        raise StoreError(f"{address} does not answer ({type(error).__name__}: {error})") from None


def _primaries(library: Library, address: Address, timeout: float) -> list[Address]:
    """Every primary, told by the first node or sentinel that answers."""
    with contextlib.closing(library.client(address, timeout)) as client:
        return [replace(address, kind="server", hosts=(node,), service=None) for node in client.primaries()]


def _ask(name: str, library: Library, address: Address, timeout: float) -> Server:
    with contextlib.closing(library.client(address, timeout)) as client:
        client.ping()  # so that connecting is not in what is measured
        begun = time.time()
        seconds, microseconds = client.time()
        here = (begun + time.time()) / 2
        said: dict[str, Any] = client.info()
    product = next((kind for kind in ("valkey", "redis") if f"{kind}_version" in said), "redis")
    return Server(
        name,
        f"{product.capitalize()} {said.get(f'{product}_version', 'of an unknown version')}",
        str(said.get("role", "unknown")),
        str(said.get("maxmemory_policy", "unknown")),
        int(said.get("maxmemory", 0)),
        int(said.get("used_memory", 0)),
        here - (seconds + microseconds / 1e6),
        int(said.get("connected_slaves", 0)),
        "min_slaves_good_slaves" in said,
    )
