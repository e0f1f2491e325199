"""The inspector of an app, opened from its settings, with the keys that it needs while the app runs."""

from __future__ import annotations

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.events import Emit, emit_to_log
from mfa_middleware.firewall.inspector import Inspector, Policy
from mfa_middleware.firewall.keyed import Keyed
from mfa_middleware.firewall.keys import KeyRing, open_keys
from mfa_middleware.firewall.trials import read_secrets
from mfa_middleware.firewall.verification import Expected
from mfa_middleware.settings import Settings

__all__ = ["Inspection", "policy_of"]


class Inspection:
    """An inspector and its keys. Without MFA_JWT_KEYS it knows tokens by their structure alone.

    Raises ConfigurationError where a key, or the file of secrets, cannot be used.
    """

    def __init__(self, settings: Settings, *, clock: Clock = SYSTEM_CLOCK, emit: Emit = emit_to_log) -> None:
        self._ring: KeyRing | None = None
        policy = policy_of(settings)
        if not settings.jwt_keys:
            self.inspector = Inspector(policy)
            return
        self._ring = open_keys(
            settings.jwt_keys, accepted=settings.jwt_algorithms, ca_file=settings.jwt_ca_file, clock=clock, emit=emit
        )
        listed = read_secrets(settings.jwt_secrets_file) if settings.jwt_secrets_file is not None else ()
        keyed = Keyed(self._ring, Expected(frozenset(policy.issuers), frozenset(policy.audiences)), clock, listed)
        self.inspector = Inspector(policy, keys=keyed.keys, verify=keyed.verify, trials=keyed.trials)

    def close(self) -> None:
        """Stop following the keys."""
        if self._ring is not None:
            self._ring.close()


def policy_of(settings: Settings) -> Policy:
    """What the settings tell the firewall."""
    return Policy(
        settings.firewall,
        settings.firewall_allow,
        settings.jwt_algorithms,
        frozenset(settings.jwt_issuers),
        frozenset(settings.jwt_audiences),
    )
