"""The path of one request: every check in its order, cheap before dear, and nothing written before all is proven.

`Guard.check` is a generator that does no I/O of its own: it yields a small frozen step for whatever it needs and
is sent the answer; it ends in a Decision.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Any

from mfa_middleware.clock import Clock
from mfa_middleware.credentials import Places
from mfa_middleware.decision import Decision
from mfa_middleware.enforcement import Enforcement
from mfa_middleware.errors import Code, Refusal, StoreError
from mfa_middleware.firewall import Inspector
from mfa_middleware.firewall.detectors.transport import HEADERS
from mfa_middleware.freshness import Freshness
from mfa_middleware.http import Address, HeaderRules, Headers, Request, matches_exactly
from mfa_middleware.inspection import Inspection
from mfa_middleware.machines import Machine
from mfa_middleware.proofs import dpop, nonce
from mfa_middleware.replay import Outcome, StoreState
from mfa_middleware.route import PROTECTED, Facts, Route, passes
from mfa_middleware.settings import Settings
from mfa_middleware.steps import Check, FindMachine, FindState, Propose, ReadBody, Step
from mfa_middleware.target import Origins, check_target
from mfa_middleware.trail import Trail
from mfa_middleware.verdict import refusal_of
from mfa_middleware.watch import Watch

__all__ = ["Guard"]


class Guard:
    """The checks of one app, compiled from its settings."""

    def __init__(
        self,
        settings: Settings,
        state: Callable[[bytes], StoreState],
        clock: Clock,
        inspector: Inspector | None = None,
    ) -> None:
        """`state`: what the replay store last knew of an owner, without waiting; may raise StoreError."""
        self._settings = settings
        self._state = state
        self._nonces = nonce.NonceMint(settings.secret)
        self._clock = clock
        self._places = Places(settings.credentials)
        self._place_names = frozenset(place.lower() for place in settings.credentials)
        self._rules = HeaderRules(self._places.header_names | HEADERS)
        self._origins = Origins(settings.origins, settings.path_prefix, settings.trusted_proxies)
        self._reader = dpop.ProofReader(settings.algorithms)
        inspector = inspector or Inspection(settings, clock=clock).inspector
        self._watch = Watch(settings, inspector, self._places, clock)
        self._freshness = Freshness(settings.nonce, self._nonces)
        self._enforcement = Enforcement(settings.mode, lambda: settings.secret or state(b"").secret)
        self._certain = self._enforcement.is_certain()
        self._exempt = settings.exempt
        self._replayable = settings.accept_replays_during_outage
        self._require_body = settings.require_body

    def check(self, request: Request, route: Route = PROTECTED) -> Check:
        """Check one request for one route; ends in the Decision, never in an exception of the request's making."""
        headers = self._rules.scan(request.headers)
        if passes(request, headers, route, self._exempt):
            return Decision(True, exempt=True)
        trail = Trail(self._origins.client(request, headers), self._clock.wall())
        try:
            self._watch.look_around(request, headers, trail)
            self._read_credentials(request, headers, route, trail)
            proof = trail.proof = self._reader.read(headers.all(b"dpop"))
            machine: Machine | None = yield FindMachine(proof.key.thumbprint)
            if machine is None:
                yield from self._first_use(proof)
                raise Refusal(Code.UNKNOWN_MACHINE, "no machine is enrolled with this key")
            if "nonce" in proof.claims:
                trail.state = yield from self._find_state(proof, request)
            self._note_mismatch(proof, request, headers, route, trail)
            self._reader.verify(proof, machine.jwk, machine.algorithm)
            trail.machine = machine
            if trail.noted is not None:
                raise trail.noted
            self._authorise(machine, route, trail, trail.now)
            has_form = self._watch.wants_form(request, headers)
            if has_form or self._binds_body(proof, request, route):
                yield from self._read_body(proof, request, route, trail, has_form=has_form)
            trail.proven = True
            claim = trail.claim(proof, is_told_apart=self._origins.tells_apart(headers))
            outcome: Outcome = yield claim
            if outcome is not Outcome.NEW:
                raise self._claim_refusal(outcome, proof, trail.client if claim.peer else None)
        except Refusal as refusal:
            refusal.__traceback__ = None  # its frames hold the request, and they hold it
            self._watch.explain(refusal, headers, trail)
            return (yield from self._refused(refusal, route, trail))
        except StoreError as error:
            if not (trail.proven and matches_exactly(request, self._replayable)):
                return (yield from self._refused(Refusal(Code.STORE_UNAVAILABLE, str(error)), route, trail))
            trail.unchecked = f"MFA_ACCEPT_REPLAYS_DURING_OUTAGE: single use was not checked: {error}"
        enforced = not route.report_only if self._certain else (yield from self._is_enforced(route, trail))
        return trail.decision(True, None, self._freshness.renewed(trail), enforced)

    def tighten(self, decision: Decision, route: Route) -> Decision:
        """Hold an accepted request against one more route; the decision of the refusal where it does not meet it."""
        if decision.machine is None or decision.thumbprint is None:
            return decision
        try:
            route.check_binding(decision.facts)
            route.check_machine(decision.machine, decision.client)
            route.check_body(decision.facts)
        except Refusal as refusal:
            enforced = decision.enforced and not route.report_only
            wanted = refusal.code is Code.USE_DPOP_NONCE
            fresh = self._last_nonce(decision.thumbprint) if wanted else None
            return decision._replace(allowed=not enforced, refusal=refusal, nonce=fresh)
        return decision

    def _read_credentials(self, request: Request, headers: Headers, route: Route, trail: Trail) -> None:
        try:
            trail.credentials = self._places.find(headers, request.query)
        except Refusal as refusal:
            trail.noted, trail.ambiguous = refusal, True
        if trail.ambiguous:
            self._watch.read_ambiguous(request, headers, trail)
        elif trail.credentials:
            self._watch.read(headers, trail)
        elif route.credential and self._settings.credentials:
            raise Refusal(Code.MISSING_CREDENTIAL, f"no credential in {', '.join(self._settings.credentials)}")
        elif not headers.all(b"dpop"):
            raise Refusal(Code.MISSING_PROOF, "there is no DPoP header", nothing_sent=True)

    def _first_use(self, proof: dpop.Proof) -> Generator[Step, Any, None]:
        if self._settings.first_use and self._settings.mode.name == "report":
            self._reader.verify(proof, proof.key.jwk, proof.key.alg)
            yield Propose(proof.key.jwk, proof.key.alg)

    def _find_state(self, proof: dpop.Proof, request: Request) -> Generator[Step, Any, StoreState]:
        """What the nonce of a proof is read with; that last known, where replays are accepted without the store."""
        try:
            state: StoreState = yield FindState(proof.key.owner)
        except StoreError:
            if not matches_exactly(request, self._replayable):
                raise
            return self._state(proof.key.owner)
        return state

    def _note_mismatch(self, proof: dpop.Proof, request: Request, headers: Headers, route: Route, trail: Trail) -> None:
        """Compare every claim with the request. A failure is noted, and answered once the signature has verified."""
        try:
            trail.issued, trail.deadline = self._freshness.check(proof, trail.now, trail.state, demanded=route.nonce)
            if proof.htm != request.method:
                raise Refusal(Code.WRONG_TARGET, "htm is not the method", hints={"wrong_claim": "htm"})
            check_target(proof.htu, request, self._origins.of(request, headers), self._origins.prefix)
            if trail.ambiguous:
                return
            dpop.check_binding(proof, trail.credentials, self._place_names)
            for bearer in trail.bearers:
                if bearer.jkt is not None and bearer.jkt != proof.key.thumbprint:
                    raise Refusal(Code.WRONG_BINDING, "the bearer token is bound to another key (cnf.jkt)")
            query_bound = dpop.check_query(proof, request.query)
            if query_bound or trail.issued is not None:
                trail.facts = Facts(query_bound, False, trail.issued is not None)
            route.check_binding(trail.facts)
            if self._settings.require_query and not query_bound:
                raise Refusal(Code.WRONG_TARGET, "MFA_REQUIRE_QUERY demands htq", hints={"missing_claim": "htq"})
        except Refusal as refusal:
            trail.noted = refusal

    def _authorise(self, machine: Machine, route: Route, trail: Trail, now: float) -> None:
        reason = machine.refusal(now, trail.client)
        if reason is not None:
            raise Refusal(Code.MACHINE_INACTIVE, f"machine {machine.id}: {reason}", hints={"reason": reason})
        route.check_machine(machine, trail.client)
        for credential, bearer in zip(trail.credentials, trail.bearers, strict=True):
            if not machine.credentials.allow(credential.ath, bearer.issuer, bearer.subject):
                detail = f"machine {machine.id} is not permitted the credential in {credential.place}"
                raise Refusal(Code.SCOPE_DENIED, detail, hints={"credential_place": credential.place})

    def _binds_body(self, proof: dpop.Proof, request: Request, route: Route) -> bool:
        return not request.websocket and ("htd" in proof.claims or route.body or self._require_body)

    def _read_body(
        self, proof: dpop.Proof, request: Request, route: Route, trail: Trail, *, has_form: bool
    ) -> Generator[Step, Any, None]:
        """Hold the body against `htd`. A machine that was stopped while its body came in may not act."""
        body: bytes = yield ReadBody(self._settings.body_limit)
        if self._binds_body(proof, request, route):
            self._check_body(proof, body, trail)
        if has_form:
            self._watch.read_form(body, trail)
        machine: Machine | None = yield FindMachine(proof.thumbprint)
        if machine is None:
            raise Refusal(Code.UNKNOWN_MACHINE, "the machine was removed while its body came in")
        trail.machine = machine
        self._authorise(machine, route, trail, self._clock.wall())

    def _check_body(self, proof: dpop.Proof, body: bytes, trail: Trail) -> None:
        htd = proof.claims.get("htd")
        if htd is not None:
            dpop.check_body(htd, body)
        elif body:
            raise Refusal(Code.WRONG_DIGEST, "htd is demanded", hints={"missing_claim": "htd"})
        trail.facts = trail.facts._replace(body_bound=True)

    def _last_nonce(self, thumbprint: str) -> str | None:
        """A nonce in the state that the claim of this machine has just left, without asking the store."""
        with contextlib.suppress(StoreError):
            return self._nonces.mint(self._state(dpop.owner_of(thumbprint)), thumbprint, self._clock.wall())
        return None

    def _claim_refusal(self, outcome: Outcome, proof: dpop.Proof, client: Address | None) -> Refusal:
        if outcome is Outcome.STALE:
            return self._freshness.stale(proof, self._clock.wall())
        if outcome is Outcome.COLD:
            return self._freshness.cold()
        return refusal_of(outcome, client, self._settings.quota)

    def _refused(self, refusal: Refusal, route: Route, trail: Trail) -> Generator[Step, Any, Decision]:
        enforced = yield from self._is_enforced(route, trail)
        fresh = None
        if refusal.code is Code.USE_DPOP_NONCE and trail.proof is not None:
            if enforced and trail.machine is not None:
                yield from self._take_in_body()
            try:
                state: StoreState = yield FindState(trail.proof.key.owner)
            except StoreError as error:
                refusal = Refusal(Code.STORE_UNAVAILABLE, str(error))
            else:
                fresh = self._nonces.mint(state, trail.proof.thumbprint, self._clock.wall())
        return trail.decision(not enforced, refusal, fresh, enforced)

    def _take_in_body(self) -> Generator[Step, Any, None]:
        """A proxy that still sends the body may lose the answer, and with it the nonce: let the machine finish."""
        with contextlib.suppress(Refusal):
            yield ReadBody(self._settings.body_limit)

    def _is_enforced(self, route: Route, trail: Trail) -> Generator[Step, Any, bool]:
        if route.report_only or self._enforcement.is_certain():
            return not route.report_only
        proof_only = not self._settings.credentials or (not trail.credentials and not route.credential)
        if trail.ambiguous or proof_only:
            return self._settings.mode.name == "enforce"
        return (yield from self._enforcement.covers(trail.credentials, trail.bearers))
