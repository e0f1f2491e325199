"""The options of the project: `MFA = {"ORIGINS": [...]}` in the Django settings, over the environment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from django.conf import settings as project

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings, options

__all__ = ["load_settings", "open_service"]

_PREFIX: Final = "MFA_"


def load_settings() -> Settings:
    """The checked options of this project. Raises ConfigurationError with one line that says what to write."""
    return Settings.load(_given())


def open_service() -> Service:
    """The service of this project: one for each process and state of its options. Raises ConfigurationError."""
    return _service(load_settings())


@lru_cache(maxsize=8)
def _service(options_: Settings) -> Service:
    return Service(options_)


def _given() -> dict[str, Any]:
    configured = getattr(project, "MFA", {})
    if not isinstance(configured, Mapping):
        raise ConfigurationError('the setting MFA must be a dict: write MFA = {"ORIGINS": ["https://api.example.com"]}')
    names = (str(key).upper().removeprefix(_PREFIX) for key in configured)
    return {_key(name): value for name, value in zip(names, configured.values(), strict=True)}


def _key(name: str) -> str:
    """An option with its prefix; an unknown one without, which `Settings.load` refuses."""
    known = name.lower() in options() or name == "SECRET_FILE"
    return _PREFIX + name if known else name.lower()
