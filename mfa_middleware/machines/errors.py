"""The one error of registries."""

from __future__ import annotations

from mfa_middleware.errors import ConfigurationError

__all__ = ["RegistryError"]


class RegistryError(ConfigurationError):
    """A machine registry cannot be read, or a change to it is not possible. One line, for the operator."""
