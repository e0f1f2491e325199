"""One source while the app runs: when to look at it again, what it said last, and what was told about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mfa_middleware.firewall.keys.document import Document
from mfa_middleware.firewall.keys.source import Source

__all__ = ["Watch"]

_FIRST_RETRY: Final = 5.0
_FIRST_GAP: Final = 10.0
_LONGEST: Final = 300.0


@dataclass(slots=True)
class Watch:
    """Times are those of the monotonic clock, in seconds.

    `gap`: how long after an unknown kid the next one counts; it doubles each time that no new key was found, so a
    flood of invented kids costs a bounded number of fetches.
    """

    source: Source
    document: Document | None = None
    due: float = 0.0
    retry: float = _FIRST_RETRY
    gap: float = _FIRST_GAP
    deaf_until: float = 0.0
    complaint: str | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with keys that are not used."""
        return self.document.faults if self.document is not None else ()

    def is_due(self, now: float) -> bool:
        """Whether to look at the source now; never at what cannot change."""
        return self.source.every is not None and self.due <= now

    def succeeded(self, now: float, document: Document | None) -> None:
        """Note a look that found `document`, or nothing new."""
        self.due = now + (self.source.every or _LONGEST)
        self.retry = _FIRST_RETRY
        if document is not None:
            self.document = document
            self.gap = _FIRST_GAP

    def failed(self, now: float) -> None:
        """Note a look that failed: the next ones come after 5 s, 10 s, and so on, up to 5 minutes."""
        self.due = now + min(self.retry, self.source.every or _LONGEST)
        self.retry = min(self.retry * 2, _LONGEST)

    def kid_missing(self, now: float) -> bool:
        """Note that a token names a kid that nobody knows; whether to look at once."""
        if not self.source.is_remote or now < self.deaf_until:
            return False
        self.deaf_until = now + self.gap
        self.gap = min(self.gap * 2, _LONGEST)
        self.due = now
        return True
