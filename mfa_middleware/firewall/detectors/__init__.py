"""The detectors of tokens, by family; those of proofs and of requests stand beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from mfa_middleware.firewall.context import Context, Detector
from mfa_middleware.firewall.detectors import (
    algorithm,
    claims,
    critical,
    encrypted,
    header_keys,
    kid,
    serialisation,
    signature,
)
from mfa_middleware.firewall.reading import Reading

__all__ = ["FAMILIES", "Family"]


class Family(NamedTuple):
    """Detectors, and the one cheap question whether any of them can find something."""

    concerns: Callable[[Reading, Context], bool]
    detectors: tuple[Detector, ...]


FAMILIES: Final = tuple(
    Family(module.concerns, module.DETECTORS)
    for module in (algorithm, header_keys, kid, signature, serialisation, critical, encrypted, claims)
)
