"""A machine: an enrolled key, and what it may do, where and when."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mfa_middleware.machines.networks import Address, Network, within
from mfa_middleware.machines.permits import Permits
from mfa_middleware.machines.schedule import Schedule
from mfa_middleware.machines.times import format_time

__all__ = ["FINAL_STATES", "Machine", "State"]


class State(enum.StrEnum):
    """Where a machine stands: only an active one may act; retired and revoked are for good."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"
    REVOKED = "revoked"
    EXPIRED = "expired"


FINAL_STATES: Final = frozenset({State.RETIRED, State.REVOKED})


@dataclass(frozen=True, slots=True)
class Machine:
    """An enrolled machine.

    `thumbprint`: RFC 7638, of `jwk`, its public key. `algorithm`: the only one its proofs may use.
    `valid_from`, `valid_until`, `created`: unix seconds. No `networks` means anywhere, no `schedule` always, but
    empty `credentials` permit none. `next_thumbprint`: thumbprint of the key it will rotate to.
    """

    id: str
    name: str
    thumbprint: str
    jwk: Mapping[str, str] = field(repr=False, hash=False)
    algorithm: str
    state: State = State.ACTIVE
    valid_from: float | None = None
    valid_until: float | None = None
    schedule: Schedule | None = None
    networks: tuple[Network, ...] = ()
    scopes: frozenset[str] = frozenset()
    credentials: Permits = field(default=Permits(), repr=False)
    owner: str = ""
    next_thumbprint: str | None = None
    created: float = 0.0

    def refusal(self, now: float, client: Address | None) -> str | None:
        """Why the machine may not act at this unix time from this address, for the operator; None where it may."""
        if self.state is not State.ACTIVE:
            return self.state.value
        if self.valid_from is not None and now < self.valid_from:
            return f"valid from {format_time(self.valid_from)}"
        if self.valid_until is not None and now >= self.valid_until:
            return f"valid until {format_time(self.valid_until)}"
        if self.schedule is not None and not self.schedule.allows(now):
            return f"outside its schedule ({self.schedule})"
        return self._place_refusal(client) if self.networks else None

    def effective_state(self, now: float) -> State:
        """The state to show: an active machine whose validity has ended is expired."""
        if self.state is State.ACTIVE and self.valid_until is not None and now >= self.valid_until:
            return State.EXPIRED
        return self.state

    def _place_refusal(self, client: Address | None) -> str | None:
        if client is None:
            return "client address unknown; a machine pinned to networks needs a server that tells the peer address"
        return None if within(client, self.networks) else f"not from {client}"
