"""What servers have told this client, by origin: the nonce to use next, and how far its clock is off."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final

__all__ = ["Memory", "Told"]

_MAX_ORIGINS: Final = 256


@dataclass(frozen=True, slots=True)
class Told:
    """What one origin told: its nonce (RFC 9449 8, 9), and the seconds to add to this clock."""

    nonce: str | None = field(default=None, repr=False)
    offset: float = 0.0


class Memory:
    """Told by origin, for the origins used last. Thread-safe."""

    __slots__ = ("_lock", "_told")

    def __init__(self) -> None:
        self._told: OrderedDict[str, Told] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, origin: str) -> Told:
        """What an origin told; nothing, where it is not known."""
        with self._lock:
            told = self._told.get(origin)
            if told is None:
                return Told()
            self._told.move_to_end(origin)
            return told

    def nonce(self, origin: str, nonce: str) -> None:
        """Remember the nonce that an origin gave last."""
        with self._lock:
            self._keep(origin, replace(self._told.get(origin, Told()), nonce=nonce))

    def offset(self, origin: str, offset: float) -> None:
        """Remember the seconds to add to this clock for an origin."""
        with self._lock:
            self._keep(origin, replace(self._told.get(origin, Told()), offset=offset))

    def _keep(self, origin: str, told: Told) -> None:
        self._told[origin] = told
        self._told.move_to_end(origin)
        if len(self._told) > _MAX_ORIGINS:
            self._told.popitem(last=False)
