"""The bypass tricks that are known by name: one row each, by family."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mfa_middleware.firewall.catalog import (
    algorithm,
    claims,
    critical,
    encrypted,
    header_keys,
    json_text,
    kid,
    possession,
    serialisation,
    signature,
    single_use,
    transport,
)
from mfa_middleware.firewall.catalog.trick import Action, Trick

__all__ = ["CATALOG", "Action", "Trick"]

_FAMILIES: Final = (
    algorithm, header_keys, kid, signature, serialisation, json_text, critical, encrypted, claims, possession,
    single_use, transport,
)  # fmt: skip

CATALOG: Final[Mapping[str, Trick]] = MappingProxyType(
    {trick.id: trick for family in _FAMILIES for trick in family.ROWS}
)
