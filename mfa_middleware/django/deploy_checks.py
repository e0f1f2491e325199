"""System checks of `manage.py check --deploy`: what is right on a developer's machine and wrong in production."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings as project
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name for it

from mfa_middleware.django.checks import Check, check_cache_store, middleware_before
from mfa_middleware.django.conf import load_settings, open_service
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.settings import Settings

__all__ = ["CHECKS"]

_ANSWERING: Final = ("whitenoise.middleware.WhiteNoiseMiddleware",)


def check_service(**_: Any) -> list[CheckMessage]:
    """mfa.E004: the machines or the replay store cannot be opened."""
    if _settings() is None or check_cache_store():
        return []
    try:
        open_service()
    except ConfigurationError as error:
        return [Error(str(error), hint="See MFA_MACHINES and MFA_REPLAY_STORE.", id="mfa.E004")]
    return []


def check_options(**_: Any) -> list[CheckMessage]:
    """mfa.W002 to mfa.W006, mfa.W009: options that protect less than they could."""
    settings = _settings()
    if settings is None:
        return []
    return [Warning(message, hint=hint, id=id_) for is_weak, message, hint, id_ in _options(settings) if is_weak]


def _options(settings: Settings) -> Sequence[tuple[bool, str, str, str]]:
    return (
        (
            str(settings.mode) != "enforce",
            f"MFA_MODE is {settings.mode}: not every request without a proof is refused.",
            "Set it to enforce once the events show no honest request that would be refused.",
            "mfa.W002",
        ),
        (
            not settings.origins,
            "MFA_ORIGINS is not set: only callers on this machine are served.",
            "Set it to the origin that machines call, such as https://api.example.com.",
            "mfa.W003",
        ),
        (
            settings.replay_store.startswith("memory:"),
            "MFA_REPLAY_STORE is memory: each worker process accepts a proof once more.",
            "Set it to shared:, or make sure that there is one process only.",
            "mfa.W004",
        ),
        (
            settings.secret is None and settings.replay_store in ("shared:", "memory:"),
            "MFA_SECRET is not set: a nonce of one host does not count on another.",
            "Set the same MFA_SECRET or MFA_SECRET_FILE on every host; with one host, silence this check.",
            "mfa.W005",
        ),
        (
            settings.first_use,
            "MFA_FIRST_USE is on: any key that makes a proof is written to the machines file, as pending.",
            "Switch it off once the machines that you know are enrolled.",
            "mfa.W006",
        ),
        (
            bool(settings.accept_replays_during_outage),
            "MFA_ACCEPT_REPLAYS_DURING_OUTAGE is set: while the replay store is away, a proof counts more than once.",
            "Take out every path on which a repeated request does harm.",
            "mfa.W009",
        ),
    )


def check_answering(**_: Any) -> list[CheckMessage]:
    """mfa.W007: a middleware before ours answers some requests by itself."""
    return [
        Warning(
            f"{path} stands before MFAMiddleware: what it serves needs no proof.",
            hint="Move MFAMiddleware before it, or silence this check where that is what you want.",
            id="mfa.W007",
        )
        for path in middleware_before() or ()
        if path in _ANSWERING
    ]


def check_cors(**_: Any) -> list[CheckMessage]:
    """mfa.W008: django-cors-headers hides the nonce from scripts of other origins."""
    exposed = [str(name).lower() for name in getattr(project, "CORS_EXPOSE_HEADERS", ())]
    if not exposed or {"dpop-nonce", "www-authenticate"}.issubset(exposed):
        return []
    message = "CORS_EXPOSE_HEADERS hides DPoP-Nonce or WWW-Authenticate from scripts of other origins."
    return [Warning(message, hint="Add both, or leave the setting empty.", id="mfa.W008")]


def _settings() -> Settings | None:
    """The options; None where one is wrong, which mfa.E001 tells."""
    try:
        return load_settings()
    except ConfigurationError:
        return None


CHECKS: Final[Sequence[Check]] = (check_service, check_options, check_answering, check_cors)
