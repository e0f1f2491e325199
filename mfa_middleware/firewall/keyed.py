"""Verification and trials with the registered keys, in the form that the inspector asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mfa_middleware.clock import Clock
from mfa_middleware.firewall.context import Context, Verification
from mfa_middleware.firewall.faults import Fault
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.keys import KeyRing, KeySet
from mfa_middleware.firewall.reading import Reading
from mfa_middleware.firewall.rsa_trials import rsa_trials
from mfa_middleware.firewall.trials import Suspect, Trials
from mfa_middleware.firewall.verification import Expected, Reason, Verifier

__all__ = ["Keyed"]

_VERIFIED_FOR: Final = 300.0
_REFUSED_FOR: Final = 5.0
_NAMES: Final[Mapping[Reason, str]] = {
    Reason.SIGNATURE: "signature_invalid",
    Reason.EXPIRED: "expired_token",
    Reason.NOT_YET: "nbf_future",
}
"""What no detector has named already."""


class Keyed:
    """The keys of one app, and what is done with them. `listed`: the secrets of MFA_JWT_SECRETS_FILE.

    Raises ConfigurationError where a key of the app is a secret that everybody knows.
    """

    def __init__(self, ring: KeyRing, expected: Expected, clock: Clock, listed: Sequence[bytes] = ()) -> None:
        self._ring = ring
        self._verifier = Verifier(ring, expected, clock=clock)
        self._trials = Trials(ring, listed=listed, clock=clock)

    def keys(self) -> KeySet | None:
        """The keys in force; None as long as there are none."""
        return self._ring.current() or None

    def verify(self, reading: Reading, context: Context) -> Verification:
        """Verify a token; not tried where no key is there yet, so that the app decides alone meanwhile."""
        outcome = self._verifier.verify(reading.token)
        if outcome.reason is Reason.NO_KEYS:
            return Verification(None)
        if outcome.is_verified or outcome.reason is Reason.PAYLOAD:
            return Verification(True, outcome.claims, (), _end(outcome.claims, context.now), True)
        name = _NAMES.get(outcome.reason) if outcome.reason is not None else None
        found = (context.policy(name),) if name is not None else ()
        return Verification(False, None, found, context.now + _REFUSED_FOR, outcome.is_signed)

    def trials(self, reading: Reading, context: Context) -> Iterator[Finding]:
        """What can be proven of a token that no registered key signed."""
        signed = reading.signed if reading.has(Fault.JSON_FORM) else reading.token.rpartition(b".")[0]
        source = str(context.source) if context.source is not None else ""
        proven = self._trials.confirm(Suspect(signed, reading.signature, reading.header), source)
        yield from (context.confirmed(one.id, one.detail) for one in proven or ())
        if proven == ():
            yield from rsa_trials(reading, signed, self._ring.current(), context)


def _end(claims: Mapping[str, object] | None, now: float) -> float:
    exp = claims.get("exp") if claims is not None else None
    return min(now + _VERIFIED_FOR, float(exp)) if isinstance(exp, int | float) else now + _VERIFIED_FOR
