"""One function that makes the test client of any framework sign its requests."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from mfa_middleware.client.signer import SignerOptions
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.testing.calls import Caller
from mfa_middleware.testing.machines import TestMachine
from mfa_middleware.testing.services import service_of

if TYPE_CHECKING:
    from django.test import AsyncClient, Client
    from flask import Flask
    from flask.testing import FlaskClient
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    _Client = TypeVar("_Client", TestClient, FlaskClient, Client, AsyncClient)

__all__ = ["signed_client"]


@overload
def signed_client(
    app: Starlette, machine: TestMachine, *, key: str | None = ..., **options: Unpack[SignerOptions]
) -> TestClient: ...
@overload
def signed_client(
    app: Flask, machine: TestMachine, *, key: str | None = ..., **options: Unpack[SignerOptions]
) -> FlaskClient: ...
@overload
def signed_client(
    app: _Client, machine: TestMachine, *, key: str | None = ..., **options: Unpack[SignerOptions]
) -> _Client: ...
@overload
def signed_client(
    app: Any, machine: TestMachine, *, key: str | None = ..., **options: Unpack[SignerOptions]
) -> Any: ...
def signed_client(app: Any, machine: TestMachine, *, key: str | None = None, **options: Unpack[SignerOptions]) -> Any:
    """The framework's own test client, which sends each request, each retry and each hop with a proof of its own.

    app: of Starlette, FastAPI or Flask, any ASGI app with the middleware, or a test client of these or of Django
    (`Client()`, `AsyncClient()`), which is changed and returned. It signs for the first of the app's origins.
    key: the primary credential, sent where the app looks for it, unless a request has its own there.
    options: those of `mfa_middleware.client.Signer`. Raises ConfigurationError.
    """
    caller = Caller(service_of(app), machine, key, options)
    if _is(app, "flask", "Flask"):
        app = app.test_client()
    if _is(app, "werkzeug.test", "Client"):
        from mfa_middleware.testing.werkzeug_client import sign
    elif _is(app, "django.test.client", "ClientMixin"):
        from mfa_middleware.testing.django_client import sign
    else:
        sign = _starlette()
    return sign(app, caller)


def _is(value: object, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)


def _starlette() -> Any:
    try:
        from mfa_middleware.testing.starlette_client import sign
    except (ImportError, RuntimeError):
        raise ConfigurationError("Starlette's TestClient needs the httpx2 package: pip install httpx2") from None
    return sign
