"""The checks of a Valkey or Redis server: it answers, forgets nothing, has room, and its clock agrees with this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from typing import Any, Final

from mfa_middleware.cli.doctor.child import ChildError, ask
from mfa_middleware.cli.doctor.findings import Check, Checks, fail, ok, skipped, warn
from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay.base import SKEW_SECONDS
from mfa_middleware.replay.remote.examine import Server, examine
from mfa_middleware.settings import Outage, Settings

__all__ = ["check_server", "look"]

_NAMES: Final = ("server-policy", "server-memory", "server-clock", "server-replicas")
_SECONDS: Final = 30.0
_TIMEOUT: Final = 3.0
_ENTRY: Final = 100
"""Bytes that a used proof takes on the server, with some to spare."""
_MIB: Final = 2**20


def look(uri: str, *, hear: Callable[[], Any], tell: Callable[[object], None]) -> object:
    """What every primary says of itself. Raises ConfigurationError or StoreError."""
    del hear, tell
    if uri.startswith("django-cache:"):
        uri = import_module("mfa_middleware.django.cache_store").server_of(uri)
    return [asdict(server) for server in examine(uri, _TIMEOUT)]


def check_server(settings: Settings) -> Checks:
    """All checks of the server, or of every primary of a cluster; the worst of each is told."""
    try:
        servers = [Server(**told) for told in ask("server", {"uri": settings.replay_store}, _SECONDS)]
    except ConfigurationError as error:
        yield fail("server", "it cannot be used as MFA_REPLAY_STORE says", str(error))
    except (StoreError, OSError, ChildError) as error:
        yield fail("server", str(error), "start the server, or correct MFA_REPLAY_STORE")
    else:
        yield ok("server", ", ".join(f"{one.version} at {one.name}" for one in servers))
        yield _check_policy(servers)
        yield _check_memory(settings, servers)
        yield _check_clock(servers)
        yield _check_replicas(settings, servers)
        return
    yield from (skipped(name, "the server does not answer") for name in _NAMES)


def _check_policy(servers: Sequence[Server]) -> Check:
    for one in servers:
        if one.policy != "noeviction":
            text = f"maxmemory-policy of {one.name} is {one.policy}: it forgets used proofs"
            return fail("server-policy", text, "CONFIG SET maxmemory-policy noeviction, and the same in its file")
    return ok("server-policy", "maxmemory-policy noeviction")


def _check_memory(settings: Settings, servers: Sequence[Server]) -> Check:
    needed = settings.capacity * _ENTRY // len(servers)
    for one in servers:
        if one.maxmemory and one.maxmemory - one.used < needed:
            text = (
                f"{one.name} may use {one.maxmemory // _MIB:,} MiB and has {one.used // _MIB:,} in use; "
                f"MFA_CAPACITY={settings.capacity} may take {needed // _MIB:,} more"
            )
            return warn("server-memory", text, "raise maxmemory, or lower MFA_CAPACITY: without room it answers full")
    limits = ", ".join(f"{one.maxmemory // _MIB:,} MiB" if one.maxmemory else "no limit" for one in servers)
    text = f"maxmemory {limits}; {settings.capacity:,} proofs take about {needed // _MIB:,} MiB"
    return ok("server-memory", text + (" on each" if len(servers) > 1 else ""))


def _check_clock(servers: Sequence[Server]) -> Check:
    worst = max(servers, key=lambda one: abs(one.ahead))
    text = f"this host's clock is {abs(worst.ahead):.2f} s {'ahead of' if worst.ahead > 0 else 'behind'} {worst.name}"
    if abs(worst.ahead) > 2 * SKEW_SECONDS:
        return fail("server-clock", f"{text}; {2 * SKEW_SECONDS:.0f} s are allowed", "set the wrong one by NTP")
    if abs(worst.ahead) > SKEW_SECONDS / 2:
        return warn("server-clock", f"{text}; {2 * SKEW_SECONDS:.0f} s are allowed", "set the wrong one by NTP")
    return ok("server-clock", text)


def _check_replicas(settings: Settings, servers: Sequence[Server]) -> Check:
    if not any(one.replicas for one in servers):
        away = "all is refused" if settings.store_outage is Outage.CLOSED else "the store of each host stands in"
        return ok("server-replicas", f"none; while the server is away {away} (MFA_STORE_OUTAGE)")
    count = sum(one.replicas for one in servers)
    if all(one.waits_for_replicas for one in servers):
        return ok("server-replicas", f"{count}; without them nothing is written (min-replicas-to-write)")
    text = f"{count}, but a primary that is cut off from them goes on accepting beside the next one"
    return warn("server-replicas", text, "min-replicas-to-write 1 and min-replicas-max-lag 10 on every node")
