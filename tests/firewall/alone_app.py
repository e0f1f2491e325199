"""Apps that want the firewall and nothing else: one line each."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask, request
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from mfa_middleware import asgi, wsgi


def _told(decision: Any) -> dict[str, Any]:
    claims = dict(decision.claims) if decision.claims is not None else None
    return {"claims": claims, "findings": [one.id for one in decision.findings]}


async def _whoami(request: Request) -> JSONResponse:
    return JSONResponse(_told(request.state.firewall))


async def _form(request: Request) -> JSONResponse:
    return JSONResponse({"bytes": len(await request.body())})


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(json.dumps(_told(socket.state.firewall)))
    await socket.close()


def starlette() -> Starlette:
    app = Starlette(
        routes=[
            Route("/whoami", _whoami),
            Route("/lax", _whoami),
            Route("/form", _form, methods=["POST"]),
            WebSocketRoute("/socket", _socket),
        ]
    )
    app.add_middleware(asgi.Firewall)
    return app


def flask() -> Flask:
    app = Flask(__name__)
    app.wsgi_app = wsgi.Firewall(app.wsgi_app)  # type: ignore[method-assign]

    @app.post("/form")
    def form() -> dict[str, int]:
        return {"bytes": len(request.get_data())}

    @app.get("/lax")
    @app.get("/whoami")
    def whoami() -> dict[str, Any]:
        return _told(request.environ[wsgi.FIREWALL_KEY])

    return app
