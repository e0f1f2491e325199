"""Bypass tricks in the bearer JWTs that pass through the app."""

from mfa_middleware.firewall.algorithm import inspect
from mfa_middleware.firewall.catalog import CATALOG, Evidence, Finding, Trick

__all__ = ["CATALOG", "Evidence", "Finding", "Trick", "inspect"]
