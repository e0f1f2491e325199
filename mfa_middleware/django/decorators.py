"""Marks for views: what a route demands, and which needs no proof at all."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, Unpack

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.views import View

from mfa_middleware.django.checking import hold, hold_async
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.marks import MARK, Words, mark_of, stricter
from mfa_middleware.route import EXEMPT, Route
from mfa_middleware.route import required as route_of

__all__ = ["exempt", "required"]

_V = TypeVar("_V", bound=Callable[..., Any])


def required(**words: Unpack[Words]) -> Callable[[_V], _V]:
    """Mark a view function, a method of a view class, or a view class, with what it demands.

    scopes: all of them must be the machine's. body, query: the proof must bind them. nonce: it must carry a nonce.
    networks: where the machine must call from. report_only: refusals are only events. credential=False: the proof
    is the only factor. Where marks meet, the stricter holds. Raises ImproperlyConfigured.
    """
    try:
        route = route_of(**words)
    except ConfigurationError as error:
        raise ImproperlyConfigured(f"mfa_middleware: required({', '.join(words)}): {error}") from None
    return lambda view: _marked(view, route)


def exempt(view: _V) -> _V:
    """Mark a view function or a view class that needs neither credential nor proof.

    Returns a new function, and marks a class in place.
    """
    marked: _V = _marked(view, EXEMPT)
    return marked


def _marked(view: Any, route: Route) -> Any:
    if isinstance(view, type):
        return _marked_class(view, route)
    if not callable(view):
        raise ImproperlyConfigured(f"required and exempt mark views and view classes, not {view!r}")
    wrapper = functools.update_wrapper(_wrapper(view, route), view)
    setattr(wrapper, MARK, stricter(route, mark_of(view)))
    return wrapper


def _marked_class(view: Any, route: Route) -> Any:
    if not issubclass(view, View):
        raise ImproperlyConfigured(f"required and exempt mark views and view classes, not {view!r}")
    # The mark on the class is also for subclasses that have a dispatch of their own.
    view.dispatch = functools.update_wrapper(_dispatch(view.dispatch, route), view.dispatch)
    setattr(view, MARK, stricter(route, mark_of(view)))
    return view


def _wrapper(view: Callable[..., Any], route: Route) -> Callable[..., Any]:
    run = _run_async if _is_async(view) else _run

    def checked(*args: Any, **kwargs: Any) -> Any:
        return run(view, route, args, kwargs)

    async def checked_async(*args: Any, **kwargs: Any) -> Any:
        return await run(view, route, args, kwargs)

    return checked_async if _is_async(view) else checked


def _dispatch(dispatch: Callable[..., Any], route: Route) -> Callable[..., Any]:
    def checked(self: View, *args: Any, **kwargs: Any) -> Any:
        run = _run_async if self.view_is_async else _run
        return run(functools.partial(dispatch, self), route, args, kwargs)

    return checked


def _run(view: Callable[..., Any], route: Route, args: Any, kwargs: Any) -> Any:
    refused = hold(_request_in(args, kwargs), route)
    return view(*args, **kwargs) if refused is None else refused


async def _run_async(view: Callable[..., Any], route: Route, args: Any, kwargs: Any) -> Any:
    refused = await hold_async(_request_in(args, kwargs), route)
    return await view(*args, **kwargs) if refused is None else refused


def _is_async(view: Any) -> bool:
    """Whether a view returns an awaitable; the dispatch of an async class is a plain function that does."""
    bound = view.func if isinstance(view, functools.partial) else view  # `method_decorator` decorates a partial
    of_class = getattr(getattr(bound, "__self__", None), "view_is_async", False)
    return iscoroutinefunction(view) or bool(of_class)


def _request_in(args: Any, kwargs: Any) -> HttpRequest:
    """The request: the first argument of a view, the second of a method; Django REST framework wraps it."""
    for candidate in (*args[:2], kwargs.get("request")):
        request = getattr(candidate, "_request", candidate)
        if isinstance(request, HttpRequest):
            return request
    raise ImproperlyConfigured("required marks a function that gets no request: mark a view")
