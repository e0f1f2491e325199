"""What is fuzzed: inspectors of several settings, one of which the first byte of an input chooses."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mfa_middleware.client.keys import jwk_of
from mfa_middleware.firewall import Inspector, Policy
from mfa_middleware.inspection import Inspection
from mfa_middleware.settings import Settings

__all__ = ["MAX_LENGTH", "SETTINGS", "inspect", "made"]

MAX_LENGTH: Final = 16_384
"""The longest token that is read, in bytes."""
_NOW: Final = 1_800_000_000.0
_ISSUERS: Final = frozenset({"https://issuer.example"})
_AUDIENCES: Final = frozenset({"orders"})
_ALGORITHMS: Final = frozenset({"RS256", "ES256"})
_POLICIES: Final = (
    Policy(),
    Policy(algorithms=_ALGORITHMS),
    Policy(algorithms=_ALGORITHMS, issuers=_ISSUERS, audiences=_AUDIENCES),
)
SETTINGS: Final = len(_POLICIES) + 1
"""How many settings there are; the last one has keys."""


def made() -> Sequence[Inspector]:
    """One inspector for each setting."""
    return (*(Inspector(policy) for policy in _POLICIES), _with_keys())


def inspect(inspectors: Sequence[Inspector], data: bytes) -> None:
    """One run. Raises only where the inspector does."""
    if data:
        inspectors[data[0] % len(inspectors)].inspect(data[1:], "authorization", _NOW)


def _with_keys() -> Inspector:
    """With three keys, and a clock that runs so fast that no source ever uses up its trials."""
    public = (
        rsa.generate_private_key(65537, 2048).public_key(),
        *(ec.generate_private_key(ec.SECP256R1()).public_key() for _ in range(2)),
    )
    jwks = {"keys": [{**jwk_of(key), "kid": f"key-{number}"} for number, key in enumerate(public)]}
    settings = Settings.load({"jwt_keys": json.dumps(jwks), "jwt_issuers": [*_ISSUERS]}, environ={})
    return Inspection(settings, clock=_FastClock(), emit=lambda _: None).inspector


class _FastClock:
    """A minute goes by at each look."""

    def __init__(self) -> None:
        self._ticks = itertools.count(0.0, 60.0)

    def wall(self) -> float:
        return _NOW

    def monotonic(self) -> float:
        return next(self._ticks)
