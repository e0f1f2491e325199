"""What an operator is told of each decision: its event, and an alarm where one source was refused too often."""

from __future__ import annotations

import logging

from mfa_middleware.clock import Clock
from mfa_middleware.decision import Decision
from mfa_middleware.events import Emit, Event
from mfa_middleware.firewall.alarms import Alarms
from mfa_middleware.http import Request
from mfa_middleware.settings import Settings
from mfa_middleware.sinks import open_sinks

__all__ = ["Reporter"]


class Reporter:
    """Where the events of one app go. Raises ConfigurationError where the file of events cannot be written."""

    def __init__(self, settings: Settings, clock: Clock, on_event: Emit | None = None) -> None:
        self.emit, self._wants = open_sinks(settings, on_event)
        self._clock = clock
        self._alarms = Alarms()

    def tell(self, decision: Decision, request: Request) -> None:
        """Tell of a decision, if anybody wants to know."""
        if self._wants(decision.level):
            self.emit(decision.event(request, self._clock.wall()))
        if decision.refusal is not None and decision.findings:
            self._count(decision)

    def _count(self, decision: Decision) -> None:
        alarm = self._alarms.note(decision.client, decision.findings, self._clock.monotonic())
        if alarm is not None:
            client = str(decision.client) if decision.client is not None else None
            self.emit(Event("attack", logging.ERROR, alarm, at=self._clock.wall(), client=client))
