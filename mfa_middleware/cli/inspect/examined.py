"""What can be said of a token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mfa_middleware.clock import Clock
from mfa_middleware.firewall import Inspector, Policy, Verdict
from mfa_middleware.firewall.reading import Reading, read

__all__ = ["Examined", "examine"]


class Examined(NamedTuple):
    """A token, its lenient reading, the verdict on it, and when that was given (unix seconds)."""

    token: bytes
    reading: Reading | None
    verdict: Verdict
    now: float
    has_keys: bool


def examine(
    token: bytes, place: str, keys: str | None, issuers: Sequence[str], audiences: Sequence[str], clock: Clock
) -> Examined:
    """Read and inspect a token. `keys`: the path of a file. Raises ConfigurationError where it has no usable key."""
    now = clock.wall()
    policy = Policy(issuers=frozenset(issuers), audiences=frozenset(audiences))
    verdict = Inspector(policy).inspect(token, place, now)
    return Examined(token, read(token, forced=verdict.is_token), verdict, now, keys is not None)
