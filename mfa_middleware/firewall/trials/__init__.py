"""Cryptographic proof of a trick: what a token that did not verify was really signed with.

Run after the normal checks failed; each token costs a bounded time, and each source has a bounded number of them.
"""

from mfa_middleware.firewall.trials.secrets import KNOWN_SECRETS, read_secrets
from mfa_middleware.firewall.trials.suspect import Confirmed, Suspect
from mfa_middleware.firewall.trials.trials import Trials

__all__ = ["KNOWN_SECRETS", "Confirmed", "Suspect", "Trials", "read_secrets"]
