"""What can be said of a token."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from mfa_middleware.clock import Clock
from mfa_middleware.firewall import Inspector, Verdict
from mfa_middleware.firewall.keyed import Keyed
from mfa_middleware.firewall.keys import open_keys
from mfa_middleware.firewall.reading import Reading, read
from mfa_middleware.firewall.verification import Expected
from mfa_middleware.inspection import Inspection, policy_of
from mfa_middleware.settings import Settings

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
    given = {"jwt_keys": [keys] if keys else "", "jwt_issuers": [*issuers], "jwt_audiences": [*audiences]}
    settings = Settings.load(given, environ={})
    if keys is None:
        verdict = _keyless(settings, clock).inspect(token, place, now)
    else:
        with contextlib.closing(Inspection(settings, clock=clock, emit=lambda _: None)) as inspection:
            verdict = inspection.inspector.inspect(token, place, now)
    return Examined(token, read(token, forced=verdict.is_token), verdict, now, keys is not None)


def _keyless(settings: Settings, clock: Clock) -> Inspector:
    """An inspector that tries what takes no key of the app: known secrets, and the token's own key."""
    return Inspector(policy_of(settings), trials=Keyed(open_keys([]), Expected(), clock).trials)
