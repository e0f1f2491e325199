"""All machines at one moment, indexed for the questions that requests ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mfa_middleware.machines.document import Reading
from mfa_middleware.machines.machine import Machine, State
from mfa_middleware.machines.permits import Permits

__all__ = ["Snapshot"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One good reading of the registry. Never changed, only replaced: so readers need no lock."""

    reading: Reading
    current: Mapping[str, Machine]
    following: Mapping[str, Machine]
    named: Permits

    @classmethod
    def of(cls, reading: Reading) -> Snapshot:
        """Index a reading by current and by next thumbprint, and gather the credentials its machines name."""
        machines = reading.values()
        permits = [machine.credentials for machine in machines if machine.state is not State.PENDING]
        return cls(
            reading=reading,
            current={machine.thumbprint: machine for machine in machines},
            following={m.next_thumbprint: m for m in machines if m.next_thumbprint is not None},
            named=Permits(
                hashes=frozenset().union(*(each.hashes for each in permits)),
                subjects=frozenset().union(*(each.subjects for each in permits)),
            ),
        )
