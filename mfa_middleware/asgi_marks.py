"""`required` and `exempt` for the endpoints of Starlette, which those of FastAPI build upon."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, Unpack, cast

from anyio import from_thread
from starlette.requests import HTTPConnection
from starlette.types import Scope

from mfa_middleware.asgi_exchange import hold
from mfa_middleware.asgi_routes import own_mark
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.marks import MARK, Words, stricter
from mfa_middleware.route import EXEMPT, Route
from mfa_middleware.route import required as route_of

__all__ = ["exempt", "is_async", "is_function", "marked", "required", "write_mark"]

_E = TypeVar("_E", bound=Callable[..., Any])
_Endpoint = Callable[..., Any]


def required(**words: Unpack[Words]) -> Callable[[_E], _E]:
    """Mark an endpoint with what it demands: a function, an HTTPEndpoint, a WebSocketEndpoint, or a method of one.

    The route must get what this returns: the mark stands below any decorator that makes a route.

    scopes: all of them must be the machine's. body, query: the proof must bind them. nonce: it must carry a nonce.
    networks: where the machine must call from. report_only: refusals are only events. credential=False: the proof
    is the only factor. These last two count on a function or a class, not on a method. Where marks meet, the
    stricter holds. Raises ConfigurationError.
    """
    route = route_of(**words)
    return lambda endpoint: marked(endpoint, route)


def exempt(endpoint: _E) -> _E:
    """Mark an endpoint, or an app that is mounted, as one that needs neither credential nor proof.

    Returns a new function, and marks a class or an app in place. Raises ConfigurationError.
    """
    return marked(endpoint, EXEMPT)


def marked(endpoint: _E, route: Route) -> _E:
    """An endpoint that carries the mark of a route, and holds each request against it."""
    if not callable(endpoint):
        raise ConfigurationError(f"required and exempt mark endpoints; {endpoint!r} is none")
    inner = own_mark(endpoint)
    if is_function(endpoint):
        wrapper = _wrapper(endpoint, route)
        write_mark(wrapper, route, inner)
        return cast("_E", wrapper)
    if not route.exempt:
        _hold_class(endpoint, route)
    write_mark(endpoint, route, inner)
    return endpoint


def is_function(endpoint: object) -> bool:
    """Whether Starlette calls an endpoint with the request, and not with scope, receive and send."""
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    return inspect.isfunction(endpoint) or inspect.ismethod(endpoint)


def is_async(function: object) -> bool:
    """Whether a function, or the one that a partial stands for, is a coroutine function."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function)


def write_mark(endpoint: Any, route: Route, inner: Route | None) -> None:
    """Write a mark on an endpoint, together with the one that it had before."""
    setattr(endpoint, MARK, stricter(route, inner))


def _wrapper(function: _Endpoint, route: Route) -> _Endpoint:
    if is_async(function):

        @functools.wraps(function)
        async def held_async(*args: Any, **kwargs: Any) -> Any:
            if not route.exempt:
                await hold(_scope(function, args, kwargs), route)
            return await function(*args, **kwargs)

        return held_async

    @functools.wraps(function)
    def held(*args: Any, **kwargs: Any) -> Any:
        if not route.exempt:
            from_thread.run(hold, _scope(function, args, kwargs), route)
        return function(*args, **kwargs)

    return held


def _scope(function: _Endpoint, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Scope:
    for value in (*args, *kwargs.values()):
        if isinstance(value, HTTPConnection):
            return value.scope
    raise ConfigurationError(
        f"{function!r} is required(...), and was called without a request; call its __wrapped__, or in a FastAPI "
        "route import required from mfa_middleware.fastapi"
    )


def _hold_class(endpoint: Any, route: Route) -> None:
    dispatch = getattr(endpoint, "dispatch", None)
    if not inspect.isclass(endpoint) or dispatch is None:
        raise ConfigurationError(
            f"required marks functions, HTTPEndpoint and WebSocketEndpoint; mark the endpoints in {endpoint!r}"
        )

    @functools.wraps(dispatch)
    async def held(self: Any) -> None:
        await hold(self.scope, route)
        await dispatch(self)

    cast("Any", endpoint).dispatch = held
