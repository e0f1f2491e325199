"""The registry file as a whole: strict JSON, version 1, no two machines alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from mfa_middleware.machines.entry import Entry, machine_of
from mfa_middleware.machines.errors import RegistryError
from mfa_middleware.machines.fields import check_members
from mfa_middleware.machines.machine import Machine

__all__ = ["Reading", "format_entries", "parse", "parse_entries"]

Reading: TypeAlias = Mapping[bytes, Machine]
"""The machines of a file in their order, each under the digest of its entry."""

Members: TypeAlias = list[tuple[str, Any]]

_EMPTY: Final = '{"version": 1, "machines": []}'
_NOTHING: Final[Reading] = MappingProxyType({})


def parse(data: bytes, source: str, known: Reading = _NOTHING) -> Reading:
    """The machines of a registry file. One bad entry spoils it as a whole.

    `source` names the file in messages. An entry that stands unchanged in `known`, an earlier reading, is not read
    again: that is dear, for its key is checked. Raises RegistryError that names the machine and the member.
    """
    reader = _Reader(known)
    items = _load(data, source, reader)
    try:
        _check_places(items, reader.found)
        _check_unique(reader.found.values())
    except ValueError as error:
        raise RegistryError(f"{source}: {error}") from error
    return reader.found


def parse_entries(data: bytes, source: str) -> list[Any]:
    """The entries of a registry file as they stand: only the frame around them is checked. Raises RegistryError."""
    return _load(data, source, _unique_members)


def format_entries(entries: Sequence[Entry]) -> bytes:
    """The registry file that holds these entries, for people and programs to read."""
    text = json.dumps({"version": 1, "machines": list(entries)}, indent=2, ensure_ascii=False)
    # A lone surrogate has no UTF-8; written as \udXXX inside a JSON string it stays what it was.
    return text.encode("utf-8", "backslashreplace") + b"\n"


class _Reader:
    """Makes a machine of each JSON object with a `jwk`, as soon as the parser has its end.

    So the entries never exist all at once: of a hundred thousand, the garbage collector alone would make every other
    thread wait for half a second.
    """

    def __init__(self, known: Reading) -> None:
        self.found: dict[bytes, Machine] = {}
        self._known = known

    def __call__(self, pairs: Members) -> Entry | Machine:
        entry = _unique_members(pairs)
        if "jwk" not in entry:
            return entry
        digest = blake2b(repr(entry).encode(), digest_size=16).digest()
        if digest in self.found:
            raise ValueError(f"machine {_who(entry, 0)}: stands there twice")
        machine = self._known.get(digest) or self._read(entry)
        self.found[digest] = machine
        return machine

    def _read(self, entry: Entry) -> Machine:
        try:
            return machine_of(entry)
        except ValueError as error:
            raise ValueError(f"machine {_who(entry, len(self.found) + 1)}: {error}") from error


def _load(data: bytes, source: str, members: Callable[[Members], Any]) -> list[Any]:
    try:
        if not data.strip():
            raise ValueError(f"is empty; a registry without machines is {_EMPTY}")
        text = data.decode("utf-8")
        return _entries(json.loads(text, object_pairs_hook=members, parse_constant=_no_constant))
    except RecursionError as error:
        raise RegistryError(f"{source}: nested too deep") from error
    except ValueError as error:
        raise RegistryError(f"{source}: {error}") from error


def _unique_members(pairs: Members) -> Entry:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"member {twice[:60]!a} stands twice in one object")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _entries(document: Any) -> list[Any]:
    if not isinstance(document, dict):
        raise ValueError(f"must be an object such as {_EMPTY}")
    check_members(document, ("version", "machines"))
    if type(document.get("version")) is not int or document["version"] != 1:
        raise ValueError('"version" must be 1: no other version of this file is known')
    machines = document.get("machines")
    if not isinstance(machines, list):
        raise ValueError('"machines" must be a list')
    return machines


def _check_places(items: Sequence[object], found: Reading) -> None:
    for position, item in enumerate(items, 1):
        if not isinstance(item, Machine):
            what = "jwk: is missing" if isinstance(item, dict) else "must be an object"
            raise ValueError(f"machine {_who(item, position)}: {what}")
    if len(items) != len(found):
        raise ValueError('a machine stands outside the list "machines", inside another one')


def _who(entry: object, position: int) -> str:
    name = entry.get("id") if isinstance(entry, dict) else None
    return ascii(name[:64]) if isinstance(name, str) and name else f"number {position}"


def _check_unique(machines: Iterable[Machine]) -> None:
    ids: set[str] = set()
    keys: dict[str, str] = {}
    for machine in machines:
        if machine.id in ids:
            raise ValueError(f"two machines have the id {machine.id!r}")
        ids.add(machine.id)
        for key in (machine.thumbprint, machine.next_thumbprint):
            if key is not None and key in keys:
                raise ValueError(f"machines {keys[key]!r} and {machine.id!r} have the same key (thumbprint {key})")
            if key is not None:
                keys[key] = machine.id
