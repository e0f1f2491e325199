"""Machines for tests: a fresh key, enrolled in memory."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypedDict, Unpack

from mfa_middleware.client import PrivateKey
from mfa_middleware.credentials import hash_of
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.machines import Machine, State, to_json
from mfa_middleware.machines.entry import completed, machine_of
from mfa_middleware.testing.registry import MemoryRegistry
from mfa_middleware.testing.running import require_test
from mfa_middleware.testing.services import service_of

__all__ = ["MachineWords", "TestMachine", "enrolled"]


class MachineWords(TypedDict, total=False):
    """What a machine may be, in the words of the machines file; see `Machine`."""

    id: str
    name: str
    state: State
    valid_from: str
    valid_until: str
    schedule: str
    networks: Iterable[str]
    scopes: Iterable[str] | str
    credentials: Iterable[str | dict[str, str]]
    owner: str


@dataclass(slots=True)
class TestMachine:
    """An enrolled machine and its private key. A change counts for the next request, and within 1 s for open sockets.

    key: what signs its proofs. machine: what the registry holds.
    """

    __test__: ClassVar = False  # it is not a test of pytest's

    key: PrivateKey
    machine: Machine
    _registry: MemoryRegistry = field(repr=False)

    @property
    def id(self) -> str:
        """The id of the machine."""
        return self.machine.id

    @property
    def entry(self) -> dict[str, Any]:
        """The machine as an entry of a machines file, for `mfa_middleware.machines.add`."""
        return to_json(self.machine)

    def change(self, **changes: Any) -> None:
        """Replace fields of `Machine`, such as `scopes=frozenset({"admin"})`."""
        self.machine = replace(self.machine, **changes)
        self._registry.put(self.machine)

    def pause(self) -> None:
        """Refuse its requests until `resume`."""
        self.change(state=State.PAUSED)

    def resume(self) -> None:
        """Accept its requests again."""
        self.change(state=State.ACTIVE)

    def revoke(self) -> None:
        """Refuse its requests for good."""
        self.change(state=State.REVOKED)


def enrolled(where: Any, *, alg: str = "ES256", keys: Iterable[str] = (), **words: Unpack[MachineWords]) -> TestMachine:
    """A new machine with a fresh key, enrolled where requests are checked.

    where: an app with the middleware, its Service, a test client, or a MemoryRegistry; an app keeps the machines
    that it has. alg: the algorithm of the key. keys: the primary credentials it may use, in plain; without them,
    and without `credentials`, any. words: as in the machines file, texts where that has them.
    Raises ConfigurationError for a wrong word, RuntimeError outside a running test unless given a registry.
    """
    registry = where if isinstance(where, MemoryRegistry) else _registry_of(where)
    key = PrivateKey.generate(alg)
    entry = {**words, "jwk": dict(key.public_jwk), "algorithm": alg, "credentials": _permits(keys, words)}
    for name in ("scopes", "networks"):
        if name in entry:
            entry[name] = _words(entry[name])
    try:
        machine = machine_of(completed(entry, time.time()))
    except ValueError as error:
        raise ConfigurationError(f"enrolled: {error}") from None
    registry.put(machine)
    return TestMachine(key, machine, registry)


def _registry_of(app: Any) -> MemoryRegistry:
    require_test("enrolled(app)")
    service = service_of(app)
    if not isinstance(service.registry, MemoryRegistry):
        service.registry = MemoryRegistry(behind=service.registry)
    return service.registry


def _permits(keys: Iterable[str], words: MachineWords) -> list[str | dict[str, str]]:
    hashes = [f"sha256:{hash_of(key.encode())}" for key in keys]
    given = list(words.get("credentials", () if hashes else ("any",)))
    return [*given, *hashes]


def _words(value: Any) -> list[str]:
    return value.split() if isinstance(value, str) else list(value)
