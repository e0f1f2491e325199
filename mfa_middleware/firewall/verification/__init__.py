"""Bearer tokens verified with the keys of MFA_JWT_KEYS: strictly read, one key, one algorithm (RFC 8725 3.1, 3.2)."""

from mfa_middleware.firewall.verification.claims import Expected
from mfa_middleware.firewall.verification.reason import Reason
from mfa_middleware.firewall.verification.verifier import Verification, Verifier

__all__ = ["Expected", "Reason", "Verification", "Verifier"]
