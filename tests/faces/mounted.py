"""The examples below a prefix of a larger app, of which a server imports only its own."""

from __future__ import annotations

from typing import Any

fastapi: Any
flask: Any


def __getattr__(name: str) -> Any:
    if name == "fastapi":
        from starlette.applications import Starlette
        from starlette.routing import Mount

        from examples.fastapi_app.app import app

        return Starlette(routes=[Mount("/shop", app)])
    if name == "flask":
        from werkzeug.exceptions import NotFound
        from werkzeug.middleware.dispatcher import DispatcherMiddleware

        from examples.flask_app.app import app as flask_app

        return DispatcherMiddleware(NotFound(), {"/shop": flask_app})
    raise AttributeError(name)
