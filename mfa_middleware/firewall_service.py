"""The firewall alone: bearer tokens and the requests around them are inspected, and no machine is asked for."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator
from typing import Final

from mfa_middleware.challenge import Answer, Challenger
from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.credentials import Places
from mfa_middleware.decision import Decision
from mfa_middleware.errors import Refusal
from mfa_middleware.events import Emit, Event
from mfa_middleware.firewall.detectors.transport import HEADERS
from mfa_middleware.firewall.inspector import Mode
from mfa_middleware.http import HeaderRules, Headers, Request, matches_exactly
from mfa_middleware.inspection import Inspection
from mfa_middleware.reporting import Reporter
from mfa_middleware.settings import Settings
from mfa_middleware.target import Origins
from mfa_middleware.trail import Trail
from mfa_middleware.watch import Watch

__all__ = ["FirewallService"]

_EXEMPT: Final = Decision(True, exempt=True)


class FirewallService:
    """The firewall of one app that has no second factor: it refuses attacks, and names them in events.

    Raises ConfigurationError.
    """

    def __init__(self, settings: Settings, *, clock: Clock = SYSTEM_CLOCK, on_event: Emit | None = None) -> None:
        self.settings = settings
        self.clock = clock
        self._reporter = Reporter(settings, clock, on_event)
        self.emit = self._reporter.emit
        self._inspection = Inspection(settings, clock=clock, emit=self.emit)
        self._places = Places(settings.credentials)
        self._rules = HeaderRules(self._places.header_names | HEADERS)
        self._origins = Origins(settings.origins, settings.path_prefix, settings.trusted_proxies)
        self._watch = Watch(settings, self._inspection.inspector, self._places, clock)
        self._challenger = Challenger()
        self._tell_start()

    def decide(self, request: Request, read_body: Callable[[int], bytes]) -> Decision:
        """Whether the app gets a request, and what was found in it. `read_body` is called for forms alone."""
        inspection = self._inspect(request)
        try:
            limit = next(inspection)
            try:
                inspection.send(read_body(limit))
            except Refusal as refusal:
                inspection.throw(refusal)
        except StopIteration as end:
            return self._told(end.value, request)
        raise AssertionError

    async def decide_async(self, request: Request, read_body: Callable[[int], Awaitable[bytes]]) -> Decision:
        """The same for a coroutine."""
        inspection = self._inspect(request)
        try:
            limit = next(inspection)
            try:
                inspection.send(await read_body(limit))
            except Refusal as refusal:
                inspection.throw(refusal)
        except StopIteration as end:
            return self._told(end.value, request)
        raise AssertionError

    def answer(self, refusal: Refusal) -> Answer:
        """The HTTP answer to a refusal."""
        return self._challenger.answer(refusal)

    def close(self) -> None:
        """Stop following the keys of tokens."""
        self._inspection.close()

    def _inspect(self, request: Request) -> Generator[int, bytes, Decision]:
        """Yields how much of the body is wanted, where that is needed, and ends in the decision."""
        if self.settings.firewall is Mode.OFF or matches_exactly(request, self.settings.exempt):
            return _EXEMPT
        headers = self._rules.scan(request.headers)
        trail = Trail(self._origins.client(request, headers), self.clock.wall())
        try:
            self._watch.look_around(request, headers, trail)
            refusal = trail.noted
            self._read(request, headers, trail)
            if refusal is None and self._watch.wants_form(request, headers):
                self._watch.read_form((yield self.settings.body_limit), trail)
        except Refusal as raised:
            raised.__traceback__ = None  # its frames hold the request, and they hold it
            refusal = raised
        return trail.decision(refusal is None, refusal, None, True)

    def _read(self, request: Request, headers: Headers, trail: Trail) -> None:
        try:
            trail.credentials = self._places.find(headers, request.query)
        except Refusal:
            self._watch.read_ambiguous(request, headers, trail)
        else:
            if trail.credentials:
                self._watch.read(headers, trail)

    def _told(self, decision: Decision, request: Request) -> Decision:
        self._reporter.tell(decision, request)
        return decision

    def _tell_start(self) -> None:
        settings = self.settings
        detail = f"the firewall alone, {settings.firewall}: no machine is asked for a proof"
        if not settings.jwt_keys:
            detail += "; it knows bearer JWTs by their structure alone (MFA_JWT_KEYS is not set)"
        self.emit(Event("started", logging.INFO, detail, at=self.clock.wall()))
