"""Bypass tricks in the bearer JWTs that pass through the app, and in the requests that carry them."""

from mfa_middleware.firewall.catalog import CATALOG, Action, Trick
from mfa_middleware.firewall.finding import Evidence, Finding
from mfa_middleware.firewall.inspector import Inspector, Mode, Policy, Verdict

__all__ = ["CATALOG", "Action", "Evidence", "Finding", "Inspector", "Mode", "Policy", "Trick", "Verdict"]
