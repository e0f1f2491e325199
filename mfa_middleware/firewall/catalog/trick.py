"""One row of the catalogue."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mfa_middleware.firewall.finding import Evidence

__all__ = ["Action", "Trick"]


class Action(enum.StrEnum):
    """What becomes of a request with this trick in it.

    `block`: refused. `report`: told to the operator only, because honest clients do it too. `unseeable`: no check
    inside the process can see it, or none may act on it; the row says why.
    """

    BLOCK = "block"
    REPORT = "report"
    UNSEEABLE = "unseeable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """One way around a check of tokens, of proofs, or of the request that carries them.

    `ref`: the group of the research catalogue that it belongs to. `what`: what the attacker sends. `how`: why that
    works on careless code. `evidence`: the strongest that is ever given; None where it cannot be seen. `needs`:
    what must be configured for the row to be seen at all. `bcp`: sections of RFC 8725 and its revision. `attack`:
    techniques of MITRE ATT&CK. `advice`: what the operator does. `reason`: why a row is unseeable.
    """

    id: str
    ref: str
    family: str
    title: str
    what: str
    how: str
    evidence: Evidence | None
    advice: str
    action: Action = Action.BLOCK
    cves: tuple[str, ...] = ()
    cwe: tuple[str, ...] = ()
    bcp: str = ""
    attack: tuple[str, ...] = ()
    needs: str = ""
    reason: str = ""
