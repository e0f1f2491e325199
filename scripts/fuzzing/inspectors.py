"""What is fuzzed: inspectors of several settings, one of which the first byte of an input chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mfa_middleware.firewall import Inspector, Policy

__all__ = ["MAX_LENGTH", "inspect", "made"]

MAX_LENGTH: Final = 16_384
"""The longest token that is read, in bytes."""
_NOW: Final = 1_800_000_000.0
_ALGORITHMS: Final = frozenset({"RS256", "ES256"})
_POLICIES: Final = (
    Policy(),
    Policy(algorithms=_ALGORITHMS),
    Policy(algorithms=_ALGORITHMS, issuers=frozenset({"https://issuer.example"}), audiences=frozenset({"orders"})),
)


def made() -> Sequence[Inspector]:
    """One inspector for each setting."""
    return tuple(Inspector(policy) for policy in _POLICIES)


def inspect(inspectors: Sequence[Inspector], data: bytes) -> None:
    """One run. Raises only where the inspector does."""
    if data:
        inspectors[data[0] % len(inspectors)].inspect(data[1:], "authorization", _NOW)
