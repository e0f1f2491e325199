"""A small API that trusts only enrolled machines: python -m uvicorn examples.fastapi_app.app:app."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from examples.fastapi_app import keys
from mfa_middleware.fastapi import MachineMFA, MFAMiddleware, OptionalMachine, exempt, required

app = FastAPI(title="Orders")
app.add_middleware(MFAMiddleware)  # configured by MFA_ variables: MFA_MACHINES, MFA_ORIGINS, ...


class BadKeyError(Exception):
    """The first factor is missing or wrong."""


def check_key(connection: HTTPConnection) -> None:
    """The first factor stays what it was: the app checks its own keys."""
    if not keys.accepts(connection.headers.get("X-API-Key"), connection.headers.get("Authorization")):
        raise BadKeyError


@app.exception_handler(BadKeyError)
def bad_key(_: Request, __: BadKeyError) -> JSONResponse:
    return JSONResponse({"error": "bad key"}, 401)


api = APIRouter(dependencies=[Depends(check_key)])


@app.get("/health")
@exempt
def health() -> Any:
    return {"status": "ok"}


@api.get("/orders")
def orders(machine: OptionalMachine) -> Any:
    return {"machine": machine and machine.id, "orders": ["1001", "1002"]}


@api.get("/orders/{order_id:path}")
def order(order_id: str, machine: OptionalMachine) -> Any:
    return {"machine": machine and machine.id, "order": order_id}


@api.post("/orders", status_code=201, dependencies=[Depends(MachineMFA(scopes="orders:write", body=True))])
async def create_order(request: Request, machine: OptionalMachine) -> Any:
    digest, size = hashlib.sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        size += len(chunk)
    return {"machine": machine and machine.id, "received": digest.hexdigest(), "bytes": size}


@api.get("/search", dependencies=[Depends(MachineMFA(query=True))])
def search(machine: OptionalMachine, q: str = "") -> Any:
    return {"machine": machine and machine.id, "q": q}


@api.get("/admin", dependencies=[Depends(MachineMFA(scopes="admin"))])
def admin(machine: OptionalMachine) -> Any:
    return {"machine": machine and machine.id}


@api.post("/payments", dependencies=[Depends(MachineMFA(nonce=True, body=True))])
def pay(machine: OptionalMachine) -> Any:
    return {"machine": machine and machine.id, "paid": True}


@api.get("/internal", dependencies=[Depends(MachineMFA(networks="10.0.0.0/8"))])
def internal(machine: OptionalMachine) -> Any:
    return {"machine": machine and machine.id}


@api.websocket("/feed")
async def feed(websocket: WebSocket, machine: OptionalMachine) -> None:
    await websocket.accept()
    await websocket.send_json({"machine": machine and machine.id})
    async for text in websocket.iter_text():
        await websocket.send_text(text)


# What loosens is a mark on the endpoint, which is known before the check.


@app.get("/beta")
@required(report_only=True)
def beta(machine: OptionalMachine) -> Any:
    return {"machine": machine and machine.id}


@app.get("/heartbeat")
@required(credential=False)
def heartbeat(machine: OptionalMachine) -> Any:
    return {"machine": machine and machine.id}


app.include_router(api)


class ShowWorker:
    """Add X-Worker to every answer, refusals included, so that a demo sees which process gave it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def shown(message: Message) -> None:
            if message["type"].endswith(".start"):
                message = {**message, "headers": [*message["headers"], (b"x-worker", str(os.getpid()).encode())]}
            await send(message)

        await self.app(scope, receive, shown)


if os.environ.get("EXAMPLE_SHOW_WORKER") == "1":
    app.add_middleware(ShowWorker)
