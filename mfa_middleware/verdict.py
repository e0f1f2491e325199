"""What it means that a replay store did not take a proof: the refusals of claims, but for those about time."""

from __future__ import annotations

from mfa_middleware.errors import Code, Refusal
from mfa_middleware.http import Address
from mfa_middleware.replay import Outcome
from mfa_middleware.replay.base import RETRY_SECONDS

__all__ = ["refusal_of"]


def refusal_of(outcome: Outcome, client: Address | None, quota: int) -> Refusal:
    """The refusal for SEEN, RETRIED, QUOTA or FULL. `client`: where the proof came from this time, if that is known."""
    if outcome is Outcome.QUOTA:
        return Refusal(
            Code.MACHINE_QUOTA,
            f"the machine has {quota} live proofs (MFA_MACHINE_QUOTA), or its share of a store that is nearly full "
            "(MFA_CAPACITY)",
        )
    if outcome is Outcome.FULL:
        return Refusal(Code.STORE_FULL, "the replay store is full; raise MFA_CAPACITY")
    if outcome is Outcome.RETRIED:
        return Refusal(
            Code.RETRIED,
            f"the same proof came again from the same address, {client}, within {RETRY_SECONDS:.0f} s: a client or a "
            "proxy sends requests twice; each attempt needs a new proof",
        )
    return Refusal(Code.REPLAYED, _incident(client))


def _incident(client: Address | None) -> str:
    if client is None:
        return (
            "this proof was accepted before. Where it came from is not known (MFA_TRUSTED_PROXIES), so a retry cannot "
            "be told from a theft: take it for a captured proof until you know better"
        )
    return (
        f"this proof was accepted before, and not from {client} within the last {RETRY_SECONDS:.0f} s: whoever sent it "
        "again has captured it, unless that is a queue or a proxy that repeats requests late"
    )
