"""System checks that every `manage.py` command runs: what is wrong whatever the project is used for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name for it
from django.urls import get_resolver
from django.utils.module_loading import import_string

from mfa_middleware.django.cache_store import server_of
from mfa_middleware.django.conf import load_settings
from mfa_middleware.django.middleware import MFAMiddleware
from mfa_middleware.django.routing import marked_views
from mfa_middleware.errors import ConfigurationError

__all__ = ["CHECKS", "Check", "middleware_before"]

Check = Callable[..., Sequence[CheckMessage]]

_CACHES: Final = (
    "django.middleware.cache.CacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
)
_NAME: Final = "mfa_middleware.django.MFAMiddleware"


def check_settings(**_: Any) -> list[CheckMessage]:
    """mfa.E001: an option is wrong."""
    try:
        load_settings()
    except ConfigurationError as error:
        return [Error(str(error), hint="Mend it in MFA = {...} of the settings, or in the environment.", id="mfa.E001")]
    return []


def check_cache_store(**_: Any) -> list[CheckMessage]:
    """mfa.E005: the replay store is a cache that may forget, or that does not know a proof it has seen."""
    if check_settings():
        return []
    store = load_settings().replay_store
    try:
        if store.startswith("django-cache:"):
            server_of(store)
    except ConfigurationError as error:
        return [Error(str(error), hint="See MFA_REPLAY_STORE and CACHES.", id="mfa.E005")]
    return []


def check_installed(**_: Any) -> list[CheckMessage]:
    """mfa.E002, mfa.W001: requests are not checked, with and without views that demand it."""
    if middleware_before() is not None:
        return []
    hint = f"Add {_NAME} to MIDDLEWARE, before every middleware that answers by itself."
    marked = next(marked_views(get_resolver()), None)
    if marked is None:
        return [Warning("No request is checked: MFAMiddleware is not in MIDDLEWARE.", hint=hint, id="mfa.W001")]
    name = f"{getattr(marked, '__module__', '')}.{getattr(marked, '__qualname__', marked)}"
    message = f"The view {name} is marked required or exempt, but MFAMiddleware is not in MIDDLEWARE."
    return [Error(message, hint=hint, id="mfa.E002")]


def check_order(**_: Any) -> list[CheckMessage]:
    """mfa.E003: a cache hands out answers to requests that were not checked."""
    return [
        Error(
            f"{cache} stands before MFAMiddleware, and answers requests that were not checked.",
            hint="Move MFAMiddleware before it.",
            id="mfa.E003",
        )
        for cache in middleware_before() or ()
        if cache in _CACHES
    ]


def middleware_before() -> Iterable[str] | None:
    """The paths of MIDDLEWARE before ours; None where ours, or a subclass of it, is not among them."""
    before = list(takewhile(lambda path: not _is_ours(path), settings.MIDDLEWARE))
    return before if len(before) < len(settings.MIDDLEWARE) else None


def _is_ours(path: str) -> bool:
    try:
        middleware = import_string(path)
    except ImportError:
        return False  # Django tells it better, when it loads the middleware
    return isinstance(middleware, type) and issubclass(middleware, MFAMiddleware)


CHECKS: Final[Sequence[Check]] = (check_settings, check_cache_store, check_installed, check_order)
