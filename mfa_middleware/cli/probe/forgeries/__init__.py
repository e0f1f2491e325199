"""The forgeries: for each row of the catalogue that can be played, what makes its requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mfa_middleware.cli.probe.forgeries import (
    algorithm,
    claims,
    critical,
    encrypted,
    header_keys,
    kid,
    possession,
    serialisation,
    signature,
    transport,
)
from mfa_middleware.cli.probe.forgeries.made import Attacks, Forged, Tokens, requests

__all__ = ["FORGERIES", "TOKENS", "Attacks", "Forged", "Tokens", "requests"]

_FAMILIES: Final = (algorithm, header_keys, kid, signature, serialisation, critical, encrypted, claims)

TOKENS: Final[Mapping[str, Tokens]] = {trick: tokens for family in _FAMILIES for trick, tokens in family.TOKENS.items()}
"""The rows that are about a token alone."""
FORGERIES: Final[Mapping[str, Attacks]] = {
    **{trick: requests(trick, tokens) for trick, tokens in TOKENS.items()},
    **possession.ATTACKS,
    **transport.ATTACKS,
}
"""All rows; a row makes nothing where what it needs is not there."""
