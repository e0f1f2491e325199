"""Which server the sentinels say is the primary."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

from mfa_middleware.replay.remote.routing import Node, Routing, Way

__all__ = ["Watch"]

_RECENT: Final = 1.0


class Watch(Routing):
    """The primary of `service`. The sentinels are asked again each second, because after a failover the primary
    before may still answer, and knows nothing of it.
    """

    def __init__(self, seeds: Sequence[Node], errors: ModuleType, timeout: float, service: str) -> None:
        super().__init__(seeds, errors, timeout)
        self._service = service
        self._sentinels = list(self.seeds)
        self._primary: Node | None = None
        self._heard = 0.0

    @property
    def nodes(self) -> Sequence[Node]:
        """The primary."""
        return self.primaries

    @property
    def primaries(self) -> Sequence[Node]:
        """The one that the sentinels told last."""
        return (self._primary,) if self._primary is not None else ()

    def way(self, words: Sequence[Any]) -> Way:
        """The way of a command to the primary."""
        if self._primary is None or self._primary in self._doubted:
            yield from self.learn()
        elif time.monotonic() - self._heard > _RECENT:
            yield from self._learn_if_told()
        if self._primary is None:
            raise ConnectionError(f"the sentinels know no service {self._service}")
        return (yield from self._attempt(self._primary, words))

    def learn(self) -> Way:
        """The way to who is primary: the sentinel that answered last is asked first."""
        words = "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service
        answer, asked = yield from self._learn_from(self._sentinels, words, are_sentinels=True)
        self._sentinels = [asked, *(sentinel for sentinel in self._sentinels if sentinel != asked)]
        self._primary = (_text(answer[0]), int(answer[1])) if answer else None
        self._heard, self._doubted = time.monotonic(), frozenset()

    def _learn_if_told(self) -> Way:
        """While no sentinel answers, the primary is who it was; one sentinel a second is asked."""
        self._heard = time.monotonic()
        try:
            yield from self.learn()
        except self._failures:
            self._sentinels = [*self._sentinels[1:], self._sentinels[0]]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
