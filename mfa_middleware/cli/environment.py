"""Single settings as the environment of the command has them."""

from __future__ import annotations

import os

from mfa_middleware.settings import Settings

__all__ = ["settings_of"]


def settings_of(*variables: str) -> Settings:
    """Settings with only these variables read, so that others that are wrong do no harm. Raises ConfigurationError."""
    return Settings.load(environ={name: os.environ[name] for name in variables if name in os.environ})
