"""Changing the registry file: one writer at a time, all or nothing. What the command uses."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.jose.jwk import public_jwk, thumbprint
from mfa_middleware.machines.disk import StrPath, read_trusted, replace
from mfa_middleware.machines.document import format_entries, parse, parse_entries
from mfa_middleware.machines.entry import Entry, completed, machine_of, to_json
from mfa_middleware.machines.errors import RegistryError
from mfa_middleware.machines.fields import nearest
from mfa_middleware.machines.lock import locked
from mfa_middleware.machines.machine import FINAL_STATES, Machine, State

__all__ = ["add", "edit", "load", "rotate", "set_state", "update"]


def load(path: StrPath) -> tuple[Machine, ...]:
    """All machines of a registry file, in its order. Raises RegistryError, also where there is no file."""
    source = Path(path).absolute()
    try:
        return tuple(parse(read_trusted(source), str(source)).values())
    except FileNotFoundError as error:
        raise RegistryError(f"{source}: there is no such file; enrol a machine: mfa-middleware machines add") from error


@contextlib.contextmanager
def edit(path: StrPath) -> Iterator[list[Entry]]:
    """Hold the registry's lock and yield its entries, to be changed in place.

    What stands there at the end is checked as a whole and then replaces the file; where nothing changed, and after
    any exception, the file stays as it was. A missing file counts as empty. Raises RegistryError.
    """
    source = Path(path).absolute()
    with locked(source):
        entries = _present_entries(source)
        before = format_entries(entries)
        known = parse(before, str(source))
        yield entries
        after = format_entries(entries)
        parse(after, str(source), known)
        if after != before:
            replace(source, after)


def add(path: StrPath, entry: Mapping[str, Any], *, clock: Clock = SYSTEM_CLOCK) -> Machine:
    """Enrol a machine. A missing id is made up; missing `created` and `algorithm` are filled in.

    `entry`: the JSON members of a machine, of which only `jwk` is required. Raises RegistryError.
    """
    with edit(path) as entries, _told_of(path, "the new machine"):
        machine = machine_of(completed(entry, clock.wall()))
        entries.append(to_json(machine))
    return machine


def update(path: StrPath, machine_id: str, changes: Mapping[str, Any]) -> Machine:
    """Change JSON members of one machine; None puts back its default. Raises RegistryError.

    An id never changes, and a revoked or retired machine keeps its state.
    """
    return _change(path, machine_id, lambda _: changes)


def set_state(path: StrPath, machine_id: str, state: State | str) -> Machine:
    """Change the state of a machine; revoked and retired are final. Raises RegistryError."""
    return update(path, machine_id, {"state": str(state)})


def rotate(path: StrPath, machine_id: str, jwk: Mapping[str, Any], *, algorithm: str | None = None) -> Machine:
    """Give a machine its next key, and forget the old one.

    Where the machine has a `next_thumbprint`, the new key must be that one. The algorithm stays, unless another is
    named. Raises RegistryError.
    """
    return _change(path, machine_id, lambda machine: _rotation(machine, jwk, algorithm))


def _rotation(machine: Machine, jwk: Mapping[str, Any], algorithm: str | None) -> Mapping[str, Any]:
    following = thumbprint(jwk)
    if machine.state in FINAL_STATES:
        raise ValueError(f"is {machine.state} for good; enrol the new key as a new machine")
    if following == machine.thumbprint:
        raise ValueError("has this key already")
    if machine.next_thumbprint not in {None, following}:
        raise ValueError(f"announced another next key, the one with thumbprint {machine.next_thumbprint}")
    key = {"jwk": public_jwk(jwk), "thumbprint": following, "next_thumbprint": None}
    return {**key, "algorithm": algorithm or machine.algorithm}


def _change(path: StrPath, machine_id: str, changes: Callable[[Machine], Mapping[str, Any]]) -> Machine:
    with edit(path) as entries, _told_of(path, f"machine {machine_id[:64]!a}"):
        entry = _find(entries, machine_id)
        before = machine_of(entry)
        changed = {**entry, **changes(before)}
        after = machine_of(changed)
        _check_change(before, after)
        kept = {name: value for name, value in changed.items() if value is not None or name in entry}
        entry.clear()
        entry.update(kept)
    return after


def _check_change(before: Machine, after: Machine) -> None:
    if after.id != before.id:
        raise ValueError("an id never changes; enrol a new machine")
    if before.state in FINAL_STATES and after.state is not before.state:
        raise ValueError(f"is {before.state} for good; enrol a new machine with a new key")


def _find(entries: list[Entry], machine_id: str) -> Entry:
    for entry in entries:
        if entry["id"] == machine_id:
            return entry
    ids = [entry["id"] for entry in entries]
    raise ValueError(f"is not enrolled; the nearest id is {nearest(machine_id, ids)!r}" if ids else "is not enrolled")


def _present_entries(source: Path) -> list[Entry]:
    try:
        return parse_entries(read_trusted(source), str(source))
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def _told_of(path: StrPath, who: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise RegistryError(f"{Path(path).absolute()}: {who}: {error}") from error
