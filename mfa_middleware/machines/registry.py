"""What every registry of machines offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from mfa_middleware.machines.machine import Machine

__all__ = ["Registry"]


class Registry(Protocol):
    """Holds the enrolled machines, and finds them by the RFC 7638 thumbprint of their key."""

    @property
    def blocking(self) -> bool:
        """Whether `find` may wait for I/O; where not, it is called straight from an event loop."""
        ...

    def find(self, thumbprint: str) -> Machine | None:
        """The machine with this current key, in whatever state it is."""
        ...

    async def find_async(self, thumbprint: str) -> Machine | None:
        """The same, without blocking the event loop."""
        ...

    def knows_credential(self, ath: str, issuer: str | None, subject: str | None) -> bool:
        """Whether some machine names this credential, by its hash or by issuer and subject."""
        ...

    def seen(self, machine: Machine) -> None:
        """Note that a machine was seen now. Never waits, never fails."""
        ...

    def propose(self, jwk: Mapping[str, Any], algorithm: str) -> None:
        """Enrol an unknown key as a pending machine, for trusted first use. Never waits."""
        ...

    def close(self) -> None:
        """Let go of files, threads and connections. May be called twice."""
        ...
