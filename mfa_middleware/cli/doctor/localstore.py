"""The checks of `shared:` and `memory:`: where the file is, whether there is room for it, and who shares it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from mfa_middleware.cli.doctor.child import ChildError, ask
from mfa_middleware.cli.doctor.findings import Check, Checks, fail, ok, warn
from mfa_middleware.cli.doctor.sharedfile import Look
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.settings import Settings

__all__ = ["check_file", "check_sharing"]

_FILE: Final = "store-file"
_SHARING: Final = "sharing"
_SECONDS: Final = 30.0
_REMOVE: Final = "remove it, or set MFA_APP to another name"
_CONTAINERS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))


def check_file(settings: Settings) -> Check:
    """The file of the app, as it is; where a server is the store, the one that stands in for it."""
    try:
        found = Look(**ask("look", {"app": settings.app, "capacity": settings.capacity}, _SECONDS))
    except ConfigurationError as error:
        return fail(_FILE, str(error), "MFA_REPLAY_STORE=memory: with one worker, or redis://HOST")
    except (ChildError, OSError) as error:
        return fail(_FILE, f"it could not be looked at: {error}", "run the doctor as the user of the app")
    return _judge(settings, found)


def _judge(settings: Settings, found: Look) -> Check:
    where = f"MFA_APP={settings.app}, user {found.user}: {found.path}"
    if found.fault:
        return fail(_FILE, f"{where}: {found.fault}", _REMOVE)
    if found.needed > found.free and not (found.exists and (found.in_use or found.capacity == settings.capacity)):
        room = f"a file of {_size(found.needed)} is needed, and {_size(found.free)} are free in {_folder(found)}"
        return fail(_FILE, f"{where}: {room}", "make room there (docker run --shm-size), or lower MFA_CAPACITY")
    if found.others:
        users = ", ".join(map(str, found.others))
        text = f"{where}: user {users} has one for the same app, and users share none"
        return warn(_FILE, text, "run all workers, and the doctor, as one user")
    if not found.exists:
        return ok(
            _FILE, f"{where}: not there yet; {_size(found.needed)} of {_size(found.free)} free in {_folder(found)}"
        )
    return _judge_present(settings, found, where)


def _judge_present(settings: Settings, found: Look, where: str) -> Check:
    text = f"{where}, mode {found.mode:04o}, {_size(found.size)}, {'in use' if found.in_use else 'not in use'}"
    if found.capacity == settings.capacity:
        return ok(_FILE, f"{text}, for {found.capacity:,} proofs")
    if not found.in_use:
        return ok(_FILE, f"{text}; made anew for {settings.capacity:,} proofs when the app starts")
    cure = f"stop all workers for MFA_CAPACITY={settings.capacity} to take effect, or set the doctor's to the app's"
    return warn(_FILE, f"{text}, for {found.capacity:,} proofs and not {settings.capacity:,}", cure)


def check_sharing(settings: Settings, shared_by: str) -> Checks:
    """Whether everybody who must share the store can."""
    if shared_by == "process":
        yield warn(
            _SHARING,
            "memory: is shared by nobody, so only one worker may run, without a reloader",
            "MFA_REPLAY_STORE=shared: for several workers, redis://HOST for several hosts",
        )
    elif shared_by == "host":
        yield ok(_SHARING, f"{_host(settings)}; several hosts need MFA_REPLAY_STORE=redis://HOST")
    else:
        yield ok(_SHARING, f"all hosts that name this server and MFA_APP={settings.app}")


def _host(settings: Settings) -> str:
    inside = any(path.exists() for path in _CONTAINERS)
    where = "this container (each container is a host of its own)" if inside else "this host"
    return f"all workers in {where} under user {os.geteuid()} and MFA_APP={settings.app}"


def _folder(found: Look) -> str:
    return str(Path(found.path).parent)


def _size(octets: int) -> str:
    return f"{octets / 2**20:,.1f} MiB"
