"""Which route an ASGI app will take, asked before the body is touched, and only where some route is loosened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from starlette.routing import Match
from starlette.types import Scope

from mfa_middleware.route import PROTECTED, Route

__all__ = ["MARK", "Routes", "mark"]

MARK: Final = "__mfa_route__"
_F = TypeVar("_F", bound=Callable[..., Any])


def mark(endpoint: _F, route: Route) -> _F:
    """Write the options of a route on its endpoint."""
    setattr(endpoint, MARK, route)
    return endpoint


class Routes:
    """Finds the options of the route that a request will take in the app that `scope["app"]` names."""

    __slots__ = ("_loosened", "_size")

    def __init__(self) -> None:
        self._size = -1
        self._loosened = False

    def route_of(self, scope: Scope) -> Route:
        """The options of the route; PROTECTED where no route is loosened, or none matches."""
        routes = getattr(scope.get("app"), "routes", None)
        if not routes:
            return PROTECTED
        if len(routes) != self._size:
            self._loosened, self._size = any(map(_loosens, _endpoints(routes))), len(routes)
        return _match(routes, dict(scope)) if self._loosened else PROTECTED


def _loosens(endpoint: Any) -> bool:
    route = getattr(endpoint, MARK, None)
    return isinstance(route, Route) and route.loosens


def _endpoints(routes: Iterable[Any]) -> Iterable[Any]:
    for route in routes:
        yield getattr(route, "endpoint", None)
        yield from _endpoints(_inner(route))


def _inner(route: Any) -> Iterable[Any]:
    """The routes below a mount, a host or an included router."""
    return getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None) or ()


def _match(routes: Iterable[Any], scope: Scope) -> Route:
    for candidate in routes:
        match, child = candidate.matches(scope)
        if match is Match.FULL:
            found = getattr(child.get("endpoint"), MARK, None)
            if isinstance(found, Route):
                return found
            below = getattr(candidate, "routes", None)
            return _match(below, {**scope, **child}) if below else PROTECTED
    return PROTECTED
