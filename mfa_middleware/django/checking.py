"""The check of a Django request, and what is held against it later; each once for sync and once for async."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from mfa_middleware.challenge import with_exposed_headers
from mfa_middleware.django.body import read_body, read_body_async
from mfa_middleware.django.request import has_origin, outer_decision, request_of
from mfa_middleware.django.routing import expected_route
from mfa_middleware.machines import Machine
from mfa_middleware.marks import Checked, of_empty_body
from mfa_middleware.route import PROTECTED, Route
from mfa_middleware.service import Service

__all__ = ["check", "check_async", "checked_of", "complete", "held", "hold", "hold_async", "machine_of", "remember"]

_CHECKED: Final = "_mfa_checked"
_DECISION: Final = "mfa"
_MACHINE: Final = "machine"
_EXPOSE: Final = "Access-Control-Expose-Headers"


def check(service: Service, request: HttpRequest) -> HttpResponse | None:
    """Check a request; the answer where it is refused."""
    outer, route, read = outer_decision(request), expected_route(request), partial(read_body, request)
    if outer is not None:
        return remember(request, Checked(service, PROTECTED, outer).hold(route, request_of(request), read))
    return remember(request, Checked(service, route, service.decide(request_of(request), route, read)))


async def check_async(service: Service, request: HttpRequest) -> HttpResponse | None:
    """The same as `check`, for a coroutine."""
    outer, route, read = outer_decision(request), expected_route(request), partial(read_body_async, request)
    if outer is not None:
        checked = await Checked(service, PROTECTED, outer).hold_async(route, request_of(request), read)
        return remember(request, checked)
    return remember(request, Checked(service, route, await service.decide_async(request_of(request), route, read)))


def held(request: HttpRequest, route: Route) -> Checked:
    """What comes out when a checked request is held against one more route; it is not remembered.

    Raises ImproperlyConfigured where the request was not checked.
    """
    checked, read = checked_of(request), partial(read_body, request)
    if checked.covers(route):
        return checked
    return checked.hold(of_empty_body(route, checked.decision, read), request_of(request), read)


def hold(request: HttpRequest, route: Route) -> HttpResponse | None:
    """Hold a checked request against the marks of a view that runs now; the answer where it does not meet them.

    Raises ImproperlyConfigured where the request was not checked.
    """
    return None if route.exempt else remember(request, held(request, route))


async def hold_async(request: HttpRequest, route: Route) -> HttpResponse | None:
    """The same as `hold`, for a coroutine."""
    if route.exempt or (checked := checked_of(request)).covers(route):
        return None
    route = of_empty_body(route, checked.decision, partial(read_body, request))
    checked = await checked.hold_async(route, request_of(request), partial(read_body_async, request))
    return remember(request, checked)


def checked_of(request: HttpRequest) -> Checked:
    """What the check of this request came to. Raises ImproperlyConfigured where there was none."""
    checked = getattr(request, _CHECKED, None)
    if not isinstance(checked, Checked):
        raise ImproperlyConfigured(
            "this view demands a machine, but the request was not checked: "
            "add mfa_middleware.django.MFAMiddleware to MIDDLEWARE"
        )
    return checked


def machine_of(request: HttpRequest) -> Machine | None:
    """The machine whose proof was accepted; None where the request passes without one, or was not checked."""
    checked = getattr(request, _CHECKED, None)
    return checked.machine if isinstance(checked, Checked) else None


def complete(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Add the new nonce to an answer, and expose it to scripts of other origins."""
    nonce = checked_of(request).decision.nonce
    if nonce is not None:
        response.headers["DPoP-Nonce"] = nonce
    if has_origin(request):
        response.headers[_EXPOSE] = with_exposed_headers(response.headers.get(_EXPOSE))
    return response


def remember(request: Any, checked: Checked) -> HttpResponse | None:
    """Keep what came out, for the view and for its marks; the answer where it is a refusal."""
    decision = checked.decision
    setattr(request, _CHECKED, checked)
    setattr(request, _DECISION, decision)
    setattr(request, _MACHINE, checked.machine)
    if decision.allowed or decision.refusal is None:
        return None
    answer = checked.service.answer(decision.refusal, nonce=decision.nonce, cors=has_origin(request))
    content = b"" if request.method == "HEAD" else answer.body
    return HttpResponse(content, status=answer.status, headers=dict(answer.headers))
