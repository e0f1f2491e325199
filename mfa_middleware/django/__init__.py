"""The Django face: a middleware, marks for views, and an app with system checks.

MIDDLEWARE = [..., "mfa_middleware.django.MFAMiddleware", ...] and MFA = {"ORIGINS": ["https://api.example.com"]}
"""

from __future__ import annotations

from mfa_middleware.django.checking import machine_of
from mfa_middleware.django.decorators import exempt, required
from mfa_middleware.django.middleware import MFAMiddleware

__all__ = ["MFAMiddleware", "exempt", "machine_of", "required"]
