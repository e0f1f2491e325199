"""Every face and server that the contract is played on, and what is known not to hold on one, with the reason."""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["FACES", "PREFIX", "Face", "Trait", "having"]

PREFIX = "/shop"
_PYTHON = (sys.executable, "-m")
_THREADS = ("--workers", "2", "--worker-class", "gthread", "--threads", "4", "--preload")
_FASTAPI, _FLASK = "examples.fastapi_app.app:app", "examples.flask_app.app:app"
_DJANGO_WSGI, _DJANGO_ASGI = "examples.django_app.wsgi:application", "examples.django_app.asgi:application"


class Trait(enum.Enum):
    """What most servers do. Where one does not, the suite asserts what it does instead."""

    RAW_PATH = "the app is told the path as the server got it"
    PASSED_ON = "the server gets the path as the client sent it"
    LEADING_SLASHES = "a path that begins with // keeps both"
    CHUNKED = "a chunked body reaches the app"
    FORWARDED = "forwarding headers reach the app"
    TOLD_APART = "the app can tell X_API_Key from X-API-Key"
    UNDERSCORES = "a header whose name has an underscore reaches the app"
    TWO_AUTHORIZATIONS = "two Authorization lines reach the app"
    WEBSOCKET = "the app has a WebSocket"
    CLOSE_CODE = "an app may close a WebSocket with code 1008"
    HANDSHAKE = "a handshake that the app cannot serve reaches it as a request"
    DENIAL = "the server can refuse a handshake with an answer of the app's own"


@dataclass(frozen=True)
class Face:
    """One server with one app in it.

    command: has {port} in it. wire: the path prefix that clients send. signed: the prefix in the URL they sign.
    origin: the public origin, where the app is behind nginx. lacks: traits that do not hold here, and why.
    """

    name: str
    command: tuple[str, ...]
    workers: int = 1
    wire: str = ""
    signed: str = ""
    origin: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict, hash=False)
    lacks: Mapping[Trait, str] = field(default_factory=dict, hash=False)

    def has(self, trait: Trait) -> bool:
        return trait not in self.lacks


def _uvicorn(app: str, *options: str) -> tuple[str, ...]:
    return (*_PYTHON, "uvicorn", app, "--port", "{port}", "--no-access-log", *options)


def _gunicorn(app: str, *options: str) -> tuple[str, ...]:
    return (*_PYTHON, "gunicorn", "--bind", "127.0.0.1:{port}", *options, app)


def _waitress(app: str) -> tuple[str, ...]:
    return (*_PYTHON, "waitress", "--listen", "127.0.0.1:{port}", app)


def _granian(app: str, interface: str, *options: str) -> tuple[str, ...]:
    return (*_PYTHON, "granian", "--interface", interface, "--port", "{port}", "--no-access-log", *options, app)


_Lacks: TypeAlias = Mapping[Trait, str]
_NO_SOCKET: _Lacks = {Trait.WEBSOCKET: "Flask, Django under WSGI, and the Django example have none"}
_NO_UNDERSCORES: _Lacks = {Trait.UNDERSCORES: "the server takes such headers out"}
_ONE_NAME: _Lacks = {Trait.TOLD_APART: "it makes one CGI variable of both, which the check and the app read alike"}
_HTTP_SERVER: _Lacks = {
    **_NO_UNDERSCORES,
    Trait.LEADING_SLASHES: "Python's http.server makes one of them, against CVE-2021-28861",
}
_WAITRESS: _Lacks = {
    **_NO_UNDERSCORES,
    Trait.FORWARDED: "waitress takes them out, unless it is told of a trusted proxy",
}
_DECODED: _Lacks = {Trait.RAW_PATH: "it tells PATH_INFO only, which is decoded"}
_RUNSERVER: _Lacks = {**_HTTP_SERVER, **_DECODED, Trait.CHUNKED: "wsgiref takes a chunked body for an empty one"}
_NGINX: _Lacks = {
    **_NO_UNDERSCORES,
    Trait.PASSED_ON: "a proxy_pass with a path decodes it, takes dot segments out and encodes it anew",
    Trait.TWO_AUTHORIZATIONS: "nginx refuses such a request itself",
}
_DAPHNE: _Lacks = {
    **_NO_UNDERSCORES,
    Trait.DENIAL: "daphne answers 403 itself",
    Trait.CLOSE_CODE: "daphne takes 1000 and those from 3000 on",
}
_DJANGO_ASGI_LACKS: _Lacks = {**_NO_SOCKET, Trait.HANDSHAKE: "Django raises before any middleware, which is a 500"}
_MOUNTED: Mapping[str, Any] = {"wire": PREFIX, "signed": PREFIX}
_BEHIND_NGINX: Mapping[str, Any] = {
    **_MOUNTED,
    "workers": 2,
    "origin": "https://api.example.com",
    "environ": {"MFA_ORIGINS": "https://api.example.com", "MFA_PATH_PREFIX": PREFIX, "MFA_TRUSTED_PROXIES": "1"},
}
_SCRIPT_NAME: Mapping[str, Any] = {**_MOUNTED, "environ": {"SCRIPT_NAME": PREFIX}}
_GUNICORN: Mapping[str, Any] = {"lacks": {**_NO_SOCKET, **_NO_UNDERSCORES}}
_TWO: Mapping[str, Any] = {"workers": 2}

_ALL = (
    Face("fastapi-uvicorn-h11", _uvicorn(_FASTAPI, "--http", "h11", "--ws", "wsproto")),
    Face("fastapi-uvicorn-httptools", _uvicorn(_FASTAPI, "--http", "httptools", "--workers", "2"), **_TWO),
    Face("fastapi-hypercorn", (*_PYTHON, "hypercorn", "-w", "2", "--bind", "127.0.0.1:{port}", _FASTAPI), **_TWO),
    Face("fastapi-granian", _granian(_FASTAPI, "asgi", "--workers", "2"), **_TWO),
    Face("fastapi-daphne", (*_PYTHON, "daphne", "-b", "127.0.0.1", "-p", "{port}", _FASTAPI), lacks=_DAPHNE),
    Face("flask-gunicorn-sync", _gunicorn(_FLASK, "--workers", "2"), **_TWO, **_GUNICORN),
    Face("flask-gunicorn-gthread", _gunicorn(_FLASK, *_THREADS), **_TWO, **_GUNICORN),
    Face("flask-waitress", _waitress(_FLASK), lacks={**_NO_SOCKET, **_WAITRESS}),
    Face(
        "flask-werkzeug",
        (*_PYTHON, "flask", "--app", "examples.flask_app.app", "run", "--port", "{port}"),
        lacks={**_NO_SOCKET, **_HTTP_SERVER},
    ),
    Face("flask-granian", _granian(_FLASK, "wsgi"), lacks={**_NO_SOCKET, **_DECODED, **_ONE_NAME}),
    Face("django-gunicorn", _gunicorn(_DJANGO_WSGI, "--workers", "2"), **_TWO, **_GUNICORN),
    Face("django-uvicorn", _uvicorn(_DJANGO_ASGI), lacks=_DJANGO_ASGI_LACKS),
    Face(
        "django-runserver",
        (sys.executable, "examples/django_app/manage.py", "runserver", "--noreload", "127.0.0.1:{port}"),
        lacks={**_NO_SOCKET, **_RUNSERVER},
    ),
    Face("fastapi-root-path", _uvicorn(_FASTAPI, "--root-path", PREFIX), signed=PREFIX),
    Face("fastapi-mounted", _uvicorn("tests.faces.mounted:fastapi"), **_MOUNTED),
    Face("flask-mounted", _waitress("tests.faces.mounted:flask"), **_MOUNTED, lacks={**_NO_SOCKET, **_WAITRESS}),
    Face("flask-script-name", _gunicorn(_FLASK), **_SCRIPT_NAME, **_GUNICORN),
    Face("django-script-name", _gunicorn(_DJANGO_WSGI), **_SCRIPT_NAME, **_GUNICORN),
    Face("django-root-path", _uvicorn(_DJANGO_ASGI, "--root-path", PREFIX), signed=PREFIX, lacks=_DJANGO_ASGI_LACKS),
    Face("fastapi-nginx", _uvicorn(_FASTAPI, "--workers", "2"), **_BEHIND_NGINX, lacks=_NGINX),
    Face("flask-nginx", _gunicorn(_FLASK, "--workers", "2"), **_BEHIND_NGINX, lacks={**_NO_SOCKET, **_NGINX}),
    Face("django-nginx", _gunicorn(_DJANGO_WSGI, "--workers", "2"), **_BEHIND_NGINX, lacks={**_NO_SOCKET, **_NGINX}),
)
FACES = {face.name: face for face in _ALL}


def having(trait: Trait) -> list[str]:
    """The names of the faces that have a trait."""
    return [name for name, face in FACES.items() if face.has(trait)]
