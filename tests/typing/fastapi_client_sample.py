"""What a type checker must see in a project with FastAPI, the client and the helpers for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, assert_type

import aiohttp
import httpx
import httpx2
import requests
from django.test import AsyncClient, Client
from fastapi import Depends, FastAPI, Security, WebSocket
from flask import Flask
from flask.testing import FlaskClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

import mfa_middleware
from mfa_middleware import Code, Decision, Event, Machine, Service, Settings
from mfa_middleware.asgi import MFAMiddleware as AsgiMiddleware
from mfa_middleware.client import Key, PrivateKey, Signer, load_key, sign_headers
from mfa_middleware.client.aiohttp import machine_middleware
from mfa_middleware.client.httpx import MachineAuth as HttpxAuth
from mfa_middleware.client.httpx2 import AsyncMachineTransport, MachineTransport
from mfa_middleware.client.requests import MachineAdapter
from mfa_middleware.fastapi import CurrentMachine, MachineMFA, MFAMiddleware, OptionalMachine, exempt, required
from mfa_middleware.testing import FrozenClock, TestMachine, enrolled, memory_service, mfa_off, signed_client
from mfa_middleware.wsgi import MFAMiddleware as WsgiMiddleware

app = FastAPI()
app.add_middleware(MFAMiddleware, origins="https://api.example.com")


@app.get("/orders/{number}")
@required(scopes="orders:read", networks=["10.0.0.0/8"])
async def order(number: int, machine: CurrentMachine) -> dict[str, str]:
    assert_type(machine, Machine)
    return {machine.id: str(number)}


@app.get("/beta")
@required(report_only=True)
def beta(machine: OptionalMachine) -> str | None:
    assert_type(machine, Machine | None)
    return machine.id if machine else None


@app.post("/orders")
def create(machine: Annotated[Machine, Depends(MachineMFA(scopes="orders:write", body=True))]) -> str:
    return machine.name


@app.get("/admin")
def admin(machine: Annotated[Machine, Security(MachineMFA(), scopes=["admin"])]) -> frozenset[str]:
    return machine.scopes


@app.get("/health")
@exempt
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.websocket("/feed")
async def feed(socket: WebSocket, machine: CurrentMachine) -> None:
    await socket.send_text(machine.id)


def of_state(request: Request) -> JSONResponse:
    decision: Decision = request.state.mfa
    return JSONResponse({"machine": decision.machine and decision.machine.id})


async def called(machine: Machine) -> None:
    assert_type(await order(7, machine), dict[str, str])
    assert_type(health, Callable[[], dict[str, str]])
    assert_type(beta(None), str | None)


def told(event: Event) -> None:
    assert_type(event.code, str | None)
    assert event.code != Code.REPLAYED


starlette = Starlette(middleware=[Middleware(AsgiMiddleware, mode="report")])
service = Service(Settings.load({"mode": "report"}), on_event=told)
flask = Flask(__name__)
flask.wsgi_app = WsgiMiddleware(flask.wsgi_app, service=service)  # type: ignore[method-assign]
assert_type(mfa_middleware.__version__, str)


class KmsKey:
    alg = "ES256"
    public_jwk: Mapping[str, str] = {"kty": "EC"}

    def sign(self, message: bytes) -> bytes:
        return message


def client() -> None:
    keys: list[Key] = [load_key("machine.pem"), PrivateKey.generate("Ed25519"), KmsKey()]
    assert_type(sign_headers(keys[0], "GET", "https://api.example.com/"), dict[str, str])
    signer = Signer(KmsKey(), origins={"https://api.example.com"})
    httpx2.Client(transport=MachineTransport(signer))
    httpx2.AsyncClient(transport=AsyncMachineTransport("machine.pem", bind_body=False))
    httpx.Client(auth=HttpxAuth("machine.pem"))
    requests.Session().mount("https://", MachineAdapter(signer, max_retries=3))


async def async_client() -> None:
    async with aiohttp.ClientSession(middlewares=[machine_middleware("machine.pem")]) as session:
        await session.get("https://api.example.com/")


def tested() -> None:
    machine = enrolled(app, scopes="orders:read", keys=["test-key"])
    assert_type(machine, TestMachine)
    assert_type(signed_client(app, machine, key="test-key"), TestClient)
    assert_type(signed_client(flask, machine), FlaskClient)
    assert_type(signed_client(Client(), machine), Client)
    assert_type(signed_client(AsyncClient(), machine), AsyncClient)
    assert_type(memory_service(clock=FrozenClock(0.0), mode="report"), Service)
    with mfa_off(app, machine=machine):
        pass


# What follows is wrong, and a type checker must say so: an unused ignore is an error.

required(scope="orders:read")  # type: ignore[call-arg]
required(body="yes")  # type: ignore[arg-type]
MachineMFA(report_only=True)  # type: ignore[call-arg]
enrolled(app, scope="orders:read")  # type: ignore[call-arg]
MachineTransport("machine.pem", bind_bodies=False)  # type: ignore[call-arg]
Signer(7)  # type: ignore[arg-type]
mfa_middleware.Machines  # type: ignore[attr-defined]  # noqa: B018
