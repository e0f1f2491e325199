"""What the check of a request came to."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mfa_middleware.errors import Refusal
from mfa_middleware.events import Event
from mfa_middleware.firewall import Finding
from mfa_middleware.http import Address, Request
from mfa_middleware.machines import Machine
from mfa_middleware.route import Facts

__all__ = ["Decision"]

_MAX_PATH: Final = 512


_PRIVATE: Final = frozenset({"nonce", "claims"})


class Decision(NamedTuple):
    """Whether the app gets the request, and what was learnt about it.

    `refusal` is also set where a refusal was only reported. `nonce` belongs into the DPoP-Nonce header of the
    answer. `thumbprint` is unproven unless `machine` is set; `machine` is set once the signature has verified.
    `credential`: the hash of the first credential. `enforced`: whether a refusal of this request is carried out.
    `unchecked`: why it was accepted although nobody knows whether its proof was used before; None where it was checked.
    `claims`: those of the first bearer JWT that was verified (MFA_JWT_KEYS); None where there was none.
    """

    allowed: bool
    exempt: bool = False
    machine: Machine | None = None
    refusal: Refusal | None = None
    nonce: str | None = None
    facts: Facts = Facts()
    client: Address | None = None
    thumbprint: str | None = None
    credential: str | None = None
    findings: tuple[Finding, ...] = ()
    enforced: bool = True
    unchecked: str | None = None
    claims: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        members = [f"{name}={value!r}" for name, value in self._asdict().items() if name not in _PRIVATE]
        return f"Decision({', '.join(members)})"

    @property
    def level(self) -> int:
        """The logging level of this decision's event."""
        if self.unchecked is not None:
            return logging.ERROR
        if any(finding.is_attack for finding in self.findings):
            return logging.WARNING
        if self.refusal is None:
            return logging.INFO if self.findings else logging.DEBUG
        return self.refusal.kind.level

    def event(self, request: Request, at: float) -> Event:
        """The event of this decision; `at` in unix seconds."""
        kind = "exempt" if self.exempt else "accepted" if self.unchecked is None else "accepted_unchecked"
        if self.refusal is not None:
            kind = "would_refuse" if self.allowed else "refused"
        return Event(
            kind,
            self.level,
            detail=self.refusal.detail if self.refusal else self.unchecked or "",
            at=at,
            code=self.refusal.code if self.refusal else None,
            machine=self.machine.id if self.machine else None,
            thumbprint=self.thumbprint,
            credential=self.credential[:12] if self.credential else None,
            client=str(self.client) if self.client else request.peer,
            method=request.method[:16],
            path=request.raw_path[:_MAX_PATH],
            findings=tuple(str(finding) for finding in self.findings),
        )
