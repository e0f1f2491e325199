"""Everything that one app needs at run time, opened once: registry, store, guard, challenges, and where events go."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from mfa_middleware.challenge import Answer, Challenger
from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.decision import Decision
from mfa_middleware.errors import Refusal
from mfa_middleware.events import Emit, Event
from mfa_middleware.firewall.inspector import Mode as FirewallMode
from mfa_middleware.guard import Guard
from mfa_middleware.http import Request
from mfa_middleware.inspection import Inspection
from mfa_middleware.machines import FileRegistry, Registry
from mfa_middleware.replay import ReplayStore
from mfa_middleware.reporting import Reporter
from mfa_middleware.route import Route
from mfa_middleware.settings import Outage, Settings, without_login
from mfa_middleware.steps import Resources, run, run_async
from mfa_middleware.stores import open_configured

__all__ = ["Service"]

_OFF: Final = Decision(True, exempt=True)
_LOST: Final = {
    "process": "forgotten at a restart, and not shared with any other process",
    "host": "shared by all workers of this host and user; forgotten when the host restarts",
    "cluster": "shared by all hosts that name it; forgotten when that server restarts",
}

_AWAY: Final = {
    Outage.CLOSED: "every request is answered 503",
    Outage.HOST: "this host's store stands in, for proofs with a nonce of this host",
}


class Service:
    """One app's second factor. A face builds it from settings, asks it for decisions and acts on them.

    Raises ConfigurationError where a setting, the machines file or the store cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        registry: Registry | None = None,
        store: ReplayStore | None = None,
        clock: Clock = SYSTEM_CLOCK,
        on_event: Emit | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._off = settings.mode.name == "off"
        self._reporter = Reporter(settings, clock, on_event)
        self.emit = self._reporter.emit
        self.registry: Registry = registry or FileRegistry(settings.machines, clock=clock, emit=self.emit)
        self.store: ReplayStore = store or open_configured(settings, clock=clock, emit=self.emit)
        self._inspection = Inspection(settings, clock=clock, emit=self.emit)
        self._guard = Guard(settings, self.store.state, clock, self._inspection.inspector)
        self._challenger = Challenger(sorted(settings.algorithms))
        self._tell_start(without_login(settings.replay_store) if store is None else f"{store.scheme}:")

    def decide(self, request: Request, route: Route, read_body: Callable[[int], bytes]) -> Decision:
        """The decision on one request, for synchronous code."""
        if self._off:
            return _OFF
        decision = run(self._guard.check(request, route), Resources(self.registry, self.store, read_body))
        self._conclude(decision, request)
        return decision

    async def decide_async(
        self, request: Request, route: Route, read_body: Callable[[int], Awaitable[bytes]]
    ) -> Decision:
        """The decision on one request, for a coroutine."""
        if self._off:
            return _OFF
        decision = await run_async(self._guard.check(request, route), Resources(self.registry, self.store, read_body))
        self._conclude(decision, request)
        return decision

    def answer(self, refusal: Refusal, *, nonce: str | None = None, cors: bool = False) -> Answer:
        """The HTTP answer to a refusal."""
        return self._challenger.answer(refusal, nonce=nonce, cors=cors)

    def tighten(self, decision: Decision, route: Route, request: Request) -> Decision:
        """Hold an accepted request against one more route, from the facts of its decision.

        Returns the decision itself where the request meets the route, else the decision of the refusal.
        """
        if decision.machine is None or decision.refusal is not None:
            return decision
        tightened = self._guard.tighten(decision, route)
        if tightened is not decision:
            self._conclude(tightened, request)
        return tightened

    async def still_acts(self, decision: Decision) -> bool:
        """Whether the machine of an accepted request may still act, for connections that stay open."""
        if decision.machine is None or not decision.enforced:
            return True
        thumbprint, registry = decision.machine.thumbprint, self.registry
        machine = await registry.find_async(thumbprint) if registry.blocking else registry.find(thumbprint)
        return machine is not None and machine.refusal(self.clock.wall(), decision.client) is None

    def close(self) -> None:
        """Let go of the store, the registry and the keys of tokens."""
        self._inspection.close()
        self.store.close()
        self.registry.close()

    def _conclude(self, decision: Decision, request: Request) -> None:
        if decision.machine is not None and decision.refusal is None:
            self.registry.seen(decision.machine)
        self._reporter.tell(decision, request)

    def _tell_start(self, store: str) -> None:
        settings = self.settings
        detail = f"mode {settings.mode}; replay store {store} ({_LOST[self.store.shared_by]})"
        if self.store.shared_by == "cluster":
            detail += f"; while it is away: {_AWAY[settings.store_outage]}"
        if settings.firewall is not FirewallMode.ENFORCE:
            detail += f"; firewall {settings.firewall}"
        elif not settings.jwt_keys:
            detail += "; the firewall knows bearer JWTs by their structure alone (MFA_JWT_KEYS is not set)"
        if not settings.origins:
            detail += "; MFA_ORIGINS is not set, so only loopback callers are served"
        self.emit(Event("started", logging.INFO, detail, at=self.clock.wall()))
        if settings.accept_replays_during_outage:
            paths = ", ".join(sorted(settings.accept_replays_during_outage))
            danger = (
                f"MFA_ACCEPT_REPLAYS_DURING_OUTAGE: while the store is away, a captured proof counts again on {paths}"
            )
            self.emit(Event("danger", logging.WARNING, danger, at=self.clock.wall()))
