"""What one check of a request learns on its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mfa_middleware.bearer import Bearer
from mfa_middleware.credentials import Credential
from mfa_middleware.errors import Refusal
from mfa_middleware.firewall import Finding
from mfa_middleware.http import Address
from mfa_middleware.machines import Machine
from mfa_middleware.proofs.dpop import Proof
from mfa_middleware.proofs.nonce import Issued
from mfa_middleware.replay import StoreState
from mfa_middleware.route import Facts

__all__ = ["Trail"]

_NO_FACTS: Final = Facts()


class Trail:
    """What one check has learnt so far, for the checks that follow and for the decision."""

    __slots__ = (
        "ambiguous", "bearers", "client", "credentials", "deadline", "facts", "findings", "issued", "machine", "noted",
        "now", "proof", "proven", "state", "unchecked",
    )  # fmt: skip

    def __init__(self, client: Address | None, now: float) -> None:
        self.client = client
        self.now = now
        self.credentials: tuple[Credential, ...] = ()
        self.bearers: tuple[Bearer, ...] = ()
        self.findings: tuple[Finding, ...] = ()
        self.proof: Proof | None = None
        self.machine: Machine | None = None
        self.issued: Issued | None = None
        self.state: StoreState | None = None
        self.deadline = 0.0
        self.facts = _NO_FACTS
        self.noted: Refusal | None = None
        self.ambiguous = False
        self.proven = False
        self.unchecked: str | None = None

    @property
    def claims(self) -> Mapping[str, Any] | None:
        """The claims of the first bearer that was verified."""
        for bearer in self.bearers:
            if bearer.claims is not None:
                return bearer.claims
        return None
