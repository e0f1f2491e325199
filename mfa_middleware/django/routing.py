"""Which view a request will reach, asked before any other middleware runs, and the marks on it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.urls import Resolver404, URLResolver, get_resolver

from mfa_middleware.marks import class_mark, mark_of, stricter
from mfa_middleware.route import EXEMPT, PROTECTED, Route

__all__ = ["expected_route", "marked_views", "route_of_view"]


def expected_route(request: HttpRequest) -> Route:
    """The marks of the view that the URL leads to now; PROTECTED where it leads nowhere, or to an unmarked view."""
    resolver = get_resolver(getattr(request, "urlconf", None))
    if not _has_marks(resolver):
        return PROTECTED
    try:
        return route_of_view(resolver.resolve(request.path_info).func)
    except Resolver404:
        return PROTECTED


def route_of_view(view: Any) -> Route:
    """The marks of a view and of its class together; PROTECTED where there are none."""
    own = mark_of(view)
    of_class = class_mark(getattr(view, "view_class", getattr(view, "cls", None)))
    return PROTECTED if own is None and of_class is None else stricter(own or EXEMPT, of_class)


def marked_views(resolver: URLResolver) -> Iterator[Any]:
    """Every view of a URL configuration that is required or exempt."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from marked_views(pattern)
        elif route_of_view(pattern.callback) is not PROTECTED:
            yield pattern.callback


@lru_cache(maxsize=16)
def _has_marks(resolver: URLResolver) -> bool:
    return next(marked_views(resolver), None) is not None
