"""The mark that `required` and `exempt` leave on a view, and what is held once that view really runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict

from mfa_middleware.errors import Refusal
from mfa_middleware.route import Route

if TYPE_CHECKING:
    from mfa_middleware.decision import Decision
    from mfa_middleware.http import Request
    from mfa_middleware.machines import Machine
    from mfa_middleware.service import Service

__all__ = ["MARK", "Checked", "Words", "class_mark", "mark_of", "of_empty_body", "stricter", "tight"]

MARK: Final = "__mfa_route__"
"""The attribute that holds the Route of a view; `functools.wraps` hands it on to decorators further out."""


class Words(TypedDict, total=False):
    """The words of `required`, in every face; `route.required` says what each means."""

    scopes: Iterable[str] | str
    body: bool
    query: bool
    nonce: bool
    networks: Iterable[str] | str
    report_only: bool
    credential: bool


def mark_of(view: object) -> Route | None:
    """The mark on a view or a blueprint; None where it has none."""
    mark = getattr(view, MARK, None)
    return mark if isinstance(mark, Route) else None


def class_mark(view_class: object) -> Route | None:
    """The mark of a view class. A subclass inherits what tightens, so that none is loosened unseen."""
    own, mark = getattr(view_class, "__dict__", {}).get(MARK), mark_of(view_class)
    return mark if mark is None or mark is own else tight(mark)


def of_empty_body(route: Route, decision: Decision, read_body: Callable[[int], bytes]) -> Route:
    """The route without its demand that the body is bound, where there is no body."""
    if not route.body or decision.facts.body_bound:
        return route
    try:
        return route if read_body(0) else replace(route, body=False)
    except Refusal:
        return route


def tight(route: Route) -> Route:
    """The route without what it loosens."""
    return replace(route, exempt=False, report_only=False, credential=True) if route.loosens else route


def stricter(outer: Route, inner: Route | None) -> Route:
    """What two marks of one view demand together: all that either demands, loosened only where both loosen."""
    if inner is None or inner.exempt:
        return outer
    if outer.exempt:
        return inner
    return Route(
        scopes=outer.scopes | inner.scopes,
        body=outer.body or inner.body,
        query=outer.query or inner.query,
        nonce=outer.nonce or inner.nonce,
        networks=outer.networks + inner.networks,
        report_only=outer.report_only and inner.report_only,
        credential=outer.credential or inner.credential,
    )


class Checked(NamedTuple):
    """A request that was checked: by which service, for which route, and what came out."""

    service: Service
    route: Route
    decision: Decision

    @property
    def machine(self) -> Machine | None:
        """The machine, where its proof was accepted; None where the request passes without one."""
        return None if self.decision.refusal is not None else self.decision.machine

    def covers(self, route: Route) -> bool:
        """Whether nothing is left to hold for `route`."""
        return route.exempt or route == self.route

    def hold(self, route: Route, request: Request, read_body: Callable[[int], bytes]) -> Checked:
        """Hold the request against the route of a view that runs now.

        It is tightened from the facts of the decision. Where it passed by a loosening that `route` does not have,
        nothing was claimed yet, and the whole check is made. `request` must have all its headers.
        """
        if self._is_too_loose(route):
            return self._replace(route=route, decision=self.service.decide(request, route, read_body))
        return self._replace(decision=self.service.tighten(self._decision_for(route), route, request))

    async def hold_async(self, route: Route, request: Request, read_body: Callable[[int], Awaitable[bytes]]) -> Checked:
        """The same as `hold`, for a coroutine."""
        if self._is_too_loose(route):
            return self._replace(route=route, decision=await self.service.decide_async(request, route, read_body))
        return self._replace(decision=self.service.tighten(self._decision_for(route), route, request))

    def _decision_for(self, route: Route) -> Decision:
        if self.route.report_only and not route.report_only:
            return self.decision._replace(enforced=self.service.settings.mode.name == "enforce")
        return self.decision

    def _is_too_loose(self, route: Route) -> bool:
        was, decision = self.route, self.decision
        if was.exempt and not route.exempt:
            return decision.exempt
        if was.report_only and not route.report_only and decision.refusal is not None:
            return True
        return not was.credential and route.credential and decision.credential is None and self._has_places()

    def _has_places(self) -> bool:
        return bool(self.service.settings.credentials)
