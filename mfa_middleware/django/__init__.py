"""The Django face: a middleware, marks for views, and an app with system checks.

MIDDLEWARE = [..., "mfa_middleware.django.MFAMiddleware", ...] and MFA = {"ORIGINS": ["https://api.example.com"]}
"""

from __future__ import annotations

from mfa_middleware.errors import ConfigurationError

try:
    from mfa_middleware.django.checking import machine_of
    from mfa_middleware.django.decorators import exempt, required
    from mfa_middleware.django.middleware import MFAMiddleware
except ModuleNotFoundError as error:
    if error.name != "django":
        raise
    raise ConfigurationError(f"{__name__} needs the django package: pip install 'mfa_middleware[django]'") from None

__all__ = ["MFAMiddleware", "exempt", "machine_of", "required"]
