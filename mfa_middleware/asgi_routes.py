"""Which route an ASGI app will take, asked before the body is touched, and only where some route is loosened."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from starlette.routing import Match
from starlette.types import Scope

from mfa_middleware.marks import MARK
from mfa_middleware.route import PROTECTED, Route

__all__ = ["Routes", "own_mark"]

_MOST_LAYERS: Final = 64


def own_mark(endpoint: object) -> Route | None:
    """The mark on an endpoint itself; a class does not inherit one, so that no subclass is loosened unseen."""
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    mark = getattr(getattr(endpoint, "__func__", endpoint), "__dict__", {}).get(MARK)
    return mark if isinstance(mark, Route) else None


class Routes:
    """Finds the mark of the route that a request will take, below the middleware that stand around `app`.

    An app whose routes cannot be seen from here has none that are loosened: middleware between keep what they
    wrap in `app`, as Starlette's do, and none of them rewrites the path.
    """

    __slots__ = ("_app", "_loosened", "_size")

    def __init__(self, app: Any) -> None:
        self._app = app
        self._size = -1
        self._loosened = False

    def route_of(self, scope: Scope) -> Route:
        """The mark of the route; PROTECTED where no route is loosened, or none is found."""
        routes = self._routes()
        if len(routes) != self._size:
            self._loosened, self._size = any(map(_loosens, _endpoints(routes))), len(routes)
        if not self._loosened:
            return PROTECTED
        try:
            return _match(routes, dict(scope)) or PROTECTED
        except Exception:  # a path that the app's own converters choke on
            return PROTECTED

    def _routes(self) -> Sequence[Any]:
        routes = getattr(self._app, "routes", None)
        if routes is None:
            self._descend()
            routes = getattr(self._app, "routes", None)
        return routes if isinstance(routes, (list, tuple)) else ()

    def _descend(self) -> None:
        for _ in range(_MOST_LAYERS):
            if hasattr(self._app, "routes") or not hasattr(self._app, "app"):
                break
            self._app = self._app.app  # what is found stays: nothing changes below a middleware


def _loosens(endpoint: object) -> bool:
    mark = own_mark(endpoint)
    return mark is not None and mark.loosens


def _endpoints(routes: Iterable[Any]) -> Iterator[object]:
    for route in _expanded(routes):
        yield getattr(route, "endpoint", None) or getattr(route, "app", None)
        yield from _endpoints(getattr(route, "routes", None) or ())


def _match(routes: Iterable[Any], scope: Scope) -> Route | None:
    """The mark of the first route that matches: of its endpoint, else of the app that is mounted there."""
    for candidate in _expanded(routes):
        match, child = candidate.matches(scope)
        if match is Match.FULL:
            inner = _match(getattr(candidate, "routes", None) or (), {**scope, **child})
            return inner or own_mark(child.get("endpoint"))
    return None


def _expanded(routes: Iterable[Any]) -> Iterable[Any]:
    """FastAPI keeps an included router as one route, and tells which ones it stands for."""
    expand = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", None)
    return expand(routes) if expand is not None else routes
