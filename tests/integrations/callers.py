"""A calling machine for the tests of the faces: enrolled in a file, and signing what it sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mfa_middleware.client import PrivateKey, sign_headers
from mfa_middleware.machines import add

CREDENTIAL = {"X-API-Key": "the-api-key"}


@dataclass
class ManualClock:
    """Both clocks stand still until told."""

    now: float = 1_800_000_000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@dataclass
class Caller:
    """A machine with its key, enrolled in the registry at `machines`."""

    machines: Path
    id: str = "depot"
    entry: Mapping[str, Any] = field(default_factory=dict)
    clock: ManualClock | None = None
    key: PrivateKey = field(default_factory=PrivateKey.generate)

    def __post_init__(self) -> None:
        entry = {"id": self.id, "jwk": dict(self.key.public_jwk), "credentials": ["any"]}
        add(self.machines, {**entry, **self.entry})

    def headers(self, method: str, url: str, *, credential: Mapping[str, str] = CREDENTIAL, **options: Any) -> Any:
        """The headers of one request: its credential and its proof. `options` are those of sign_headers."""
        if self.clock is not None:
            options["clock"] = self.clock.wall
        return {**credential, **sign_headers(self.key, method, url, headers=credential, **options)}
