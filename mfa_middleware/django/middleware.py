"""The middleware: one check per request, before every other middleware and view behind it, sync and async."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from mfa_middleware.django.checking import check, check_async, complete, hold, hold_async
from mfa_middleware.django.conf import open_service
from mfa_middleware.django.routing import route_of_view
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.service import Service

__all__ = ["MFAMiddleware"]


class MFAMiddleware:
    """Asks every request for a proof by an enrolled machine; also those that end in a 404 or in a later middleware.

    Views find the Decision in `request.mfa` and the Machine in `request.machine`, which is None where no proof was
    accepted. Raises ImproperlyConfigured where an option is wrong, so that the project does not start.
    """

    sync_capable = True
    async_capable = True
    process_view: Callable[..., Any]

    def __init__(self, get_response: Callable[[HttpRequest], Any], *, service: Service | None = None) -> None:
        self.get_response = get_response
        try:
            self.service = service or open_service()
        except ConfigurationError as error:
            raise ImproperlyConfigured(f"mfa_middleware: {error}") from None
        self._is_async = iscoroutinefunction(get_response)
        self.process_view = self._process_view_async if self._is_async else self._process_view
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self.__acall__(request)
        return complete(request, check(self.service, request) or self.get_response(request))

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        refused = await check_async(self.service, request)
        return complete(request, refused or await self.get_response(request))

    # The view that runs is not always the one that the URL led to: a middleware may change the URL configuration,
    # the path or the language. What it demands is held then.

    def _process_view(self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any) -> HttpResponseBase | None:
        return hold(request, route_of_view(view))

    async def _process_view_async(
        self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any
    ) -> HttpResponseBase | None:
        return await hold_async(request, route_of_view(view))
