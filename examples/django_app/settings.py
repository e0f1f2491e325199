"""Settings of the example project. The options of the second factor come from MFA_ variables, or stand in MFA here."""

from __future__ import annotations

import os

SECRET_KEY = os.environ.get("EXAMPLE_SECRET_KEY", "only-for-this-example-nothing-is-signed-with-it")
ALLOWED_HOSTS = ["*"]  # the second factor compares the origin with MFA_ORIGINS, not with Host
ROOT_URLCONF = "examples.django_app.urls"
INSTALLED_APPS = ["mfa_middleware.django"]
MIDDLEWARE = [
    "mfa_middleware.django.MFAMiddleware",
    "examples.django_app.middleware.check_key",
]
if os.environ.get("EXAMPLE_SHOW_WORKER") == "1":
    MIDDLEWARE.insert(0, "examples.django_app.middleware.show_worker")

MFA: dict[str, object] = {}  # for example {"ORIGINS": ["https://api.example.com"]}
