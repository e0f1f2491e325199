"""Registered keys without any cryptography, for detectors that only compare names."""

from __future__ import annotations

from dataclasses import dataclass, field

from mfa_middleware.firewall.context import Context
from mfa_middleware.firewall.inspector import detect
from mfa_middleware.firewall.reading import read
from tests.firewall.tokens import NOW


@dataclass
class OneKey:
    """A key and its one algorithm."""

    names: frozenset[str] = frozenset({"RS256"})
    thumbprint: str = "x" * 43
    certificate: bytes | None = None
    is_symmetric: bool = False


@dataclass
class Ring:
    """Registered keys by kid."""

    named: dict[str, OneKey] = field(default_factory=lambda: {"a": OneKey()})

    @property
    def keys(self) -> tuple[OneKey, ...]:
        return tuple(self.named.values())

    @property
    def algorithms(self) -> frozenset[str]:
        return frozenset(name for key in self.keys for name in key.names)

    @property
    def thumbprints(self) -> frozenset[str]:
        return frozenset(key.thumbprint for key in self.keys)

    def for_kid(self, kid: str) -> OneKey | None:
        return self.named.get(kid)


def with_keys(presented: bytes, ring: Ring) -> set[str]:
    """The ids of all findings, where these keys are registered."""
    reading = read(presented)
    assert reading is not None
    context = Context("authorization", ring.algorithms, ring, now=NOW)
    return {finding.id for finding in detect(reading, context)}
