"""The Django app: INSTALLED_APPS = [..., "mfa_middleware.django"] adds the system checks. Its label is `mfa`."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from mfa_middleware.django import checks, deploy_checks

__all__ = ["MFAConfig"]


class MFAConfig(AppConfig):
    """Registers the checks of `manage.py check` and of `manage.py check --deploy`."""

    name = "mfa_middleware.django"
    label = "mfa"
    verbose_name = "MFA for machines"

    def ready(self) -> None:
        """Register the checks."""
        for check in checks.CHECKS:
            register(Tags.security)(check)
        for check in deploy_checks.CHECKS:
            register(Tags.security, deploy=True)(check)
