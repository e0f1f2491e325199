"""What one check of a request learns on its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mfa_middleware.bearer import Bearer
from mfa_middleware.credentials import Credential
from mfa_middleware.decision import Decision
from mfa_middleware.errors import Refusal
from mfa_middleware.firewall import Finding
from mfa_middleware.http import Address
from mfa_middleware.machines import Machine
from mfa_middleware.proofs.dpop import MAX_AGE, MAX_AHEAD, Proof
from mfa_middleware.proofs.nonce import LIFE, Issued
from mfa_middleware.replay import StoreState
from mfa_middleware.replay.base import SKEW_SECONDS
from mfa_middleware.route import Facts
from mfa_middleware.steps import Claim

__all__ = ["Trail"]

_NO_FACTS: Final = Facts()
_SECONDS: Final = MAX_AGE + MAX_AHEAD + 2 * SKEW_SECONDS + 5.0
_SECONDS_WITH_NONCE: Final = LIFE + 15.0


class Trail:
    """What one check has learnt so far, for the checks that follow and for the decision."""

    __slots__ = (
        "ambiguous", "bearers", "client", "credentials", "deadline", "facts", "findings", "issued", "machine", "noted",
        "now", "proof", "proven", "state", "told_only", "unchecked",
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
        self.told_only = False
        self.unchecked: str | None = None

    def claim(self, proof: Proof, *, is_told_apart: bool) -> Claim:
        """The claim of a proof that everything else was proven of. `is_told_apart`: whether the client's address is."""
        peer = self.client.packed if self.client is not None and is_told_apart else b""
        if self.issued is None:
            return Claim(proof.identity(), proof.key.owner, _SECONDS, None, self.deadline, peer)
        seconds, epoch = _SECONDS_WITH_NONCE, self.issued.epoch
        return Claim(proof.identity(), proof.key.owner, seconds, epoch, self.deadline, peer)

    def decision(self, allowed: bool, refusal: Refusal | None, nonce: str | None, enforced: bool) -> Decision:
        """What the check came to."""
        return Decision(
            allowed,
            False,
            self.machine,
            refusal,
            nonce,
            self.facts,
            self.client,
            self.proof.key.thumbprint if self.proof is not None else None,
            self.credentials[0].ath if self.credentials else None,
            self.findings,
            enforced,
            self.unchecked,
            self.claims if refusal is None else None,
        )

    @property
    def claims(self) -> Mapping[str, Any] | None:
        """The claims of the first bearer that was verified."""
        for bearer in self.bearers:
            if bearer.claims is not None:
                return bearer.claims
        return None
