"""What this app does itself: it checks its own keys, as before. Works sync and async, as Django serves both."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from examples.django_app import keys

_WITHOUT_KEY = ("/health", "/beta", "/heartbeat")


@sync_and_async_middleware
def check_key(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """The first factor: a key or a JWT."""

    def is_known(request: HttpRequest) -> bool:
        return request.path_info in _WITHOUT_KEY or keys.accepts(
            request.headers.get("X-API-Key"), request.headers.get("Authorization")
        )

    def check(request: HttpRequest) -> Any:
        return get_response(request) if is_known(request) else JsonResponse({"error": "bad key"}, status=401)

    async def check_async(request: HttpRequest) -> Any:
        return await get_response(request) if is_known(request) else JsonResponse({"error": "bad key"}, status=401)

    return check_async if iscoroutinefunction(get_response) else check


@sync_and_async_middleware
def show_worker(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Add X-Worker to every answer, refusals included, so that a demo sees which process gave it."""

    def shown(response: Any) -> Any:
        response["X-Worker"] = str(os.getpid())
        return response

    async def show_async(request: HttpRequest) -> Any:
        return shown(await get_response(request))

    return show_async if iscoroutinefunction(get_response) else lambda request: shown(get_response(request))
