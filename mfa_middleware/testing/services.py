"""The service of an app under test: found in a ready-made app, or made without touching a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.events import Emit
from mfa_middleware.replay import open_store
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings
from mfa_middleware.testing.registry import MemoryRegistry

__all__ = ["memory_service", "service_of"]

_INNER: Final = ("middleware_stack", "application", "wsgi_app", "app")
_MOST_LAYERS: Final = 64


def memory_service(
    *,
    registry: MemoryRegistry | None = None,
    clock: Clock = SYSTEM_CLOCK,
    on_event: Emit | None = None,
    **settings: Any,
) -> Service:
    """A service for `MFAMiddleware(app, service=...)` and its like that touches no file and reads no environment.

    settings: the options of `Settings`. It remembers proofs in memory, and accepts them from the first moment on.
    Raises ConfigurationError.
    """
    options = Settings.load({"replay_store": "memory:", "capacity": 10_000, **settings}, environ={})
    store = open_store(
        options.replay_store,
        capacity=options.capacity,
        quota=options.quota,
        app=options.app,
        never_cold=True,
        clock=clock,
    )
    return Service(options, registry=registry or MemoryRegistry(), store=store, clock=clock, on_event=on_event)


def service_of(app: Any) -> Service:
    """The service that checks the requests of an app.

    app: of Starlette, FastAPI or Flask, a middleware around any app, or a test client; any handler or client of
    Django stands for the project. Raises ConfigurationError where nothing checks them, or a setting is wrong.
    """
    for layer in _layers(app):
        for found in (layer, getattr(layer, "service", None), _extension(layer)):
            if isinstance(found, Service):
                return found
    if _is_django(app):
        from mfa_middleware.django.conf import open_service

        return open_service()
    raise ConfigurationError(f"nothing in {type(app).__name__} checks its requests: add MFAMiddleware, or MFA(app)")


def _layers(app: Any) -> Iterator[Any]:
    """The app, and what it wraps, layer by layer."""
    waiting, met = [app], 0
    while waiting and met < _MOST_LAYERS:
        layer, met = waiting.pop(0), met + 1
        yield layer
        _build(layer)
        inner = (getattr(layer, name, None) for name in _INNER)
        waiting += [value for value in inner if value is not None and value is not layer]


def _build(app: Any) -> None:
    """Starlette builds its middleware at the first request."""
    if hasattr(app, "build_middleware_stack") and app.middleware_stack is None:
        app.middleware_stack = app.build_middleware_stack()


def _extension(app: Any) -> Any:
    extensions = getattr(app, "extensions", None)
    return extensions.get("mfa") if isinstance(extensions, dict) else None


def _is_django(app: Any) -> bool:
    handlers = getattr(sys.modules.get("django.core.handlers.base"), "BaseHandler", None)
    clients = getattr(sys.modules.get("django.test.client"), "ClientMixin", None)
    kinds = tuple(kind for kind in (handlers, clients) if kind is not None)
    return isinstance(app, kinds)
