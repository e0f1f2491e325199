"""An app for real servers: sockets that behave in every way, and routes for bodies."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from mfa_middleware.asgi import MFAMiddleware, exempt, required


@exempt
async def health(_: Request) -> Response:
    return PlainTextResponse("ok")


async def digest(request: Request) -> Response:
    seen = hashlib.sha256()
    async for chunk in request.stream():
        seen.update(chunk)
    return JSONResponse({"machine": request.user.identity, "sha256": seen.hexdigest()})


async def me(request: Request) -> Response:
    return JSONResponse(request.user.identity)


async def tasks(_: Request) -> Response:
    """How many tasks of the middleware run in this process."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return JSONResponse(len([name for name in names if name.startswith("Socket.")]))


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


async def impatient(socket: WebSocket) -> None:
    """Gives up waiting again and again, and misses nothing all the same."""
    await socket.accept()
    received: list[str] = []
    while len(received) < 20:
        with contextlib.suppress(TimeoutError):
            received.append(await asyncio.wait_for(socket.receive_text(), 0.001))
    await socket.send_json(received)
    await socket.close()


async def flood(socket: WebSocket) -> None:
    """Only sends."""
    await socket.accept()
    while True:
        await socket.send_bytes(b"x" * 65_536)


async def silent(socket: WebSocket) -> None:
    """Neither sends nor receives."""
    await socket.accept()
    await asyncio.sleep(3600)


async def admin(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/digest", digest, methods=["POST"]),
        Route("/me", me),
        Route("/tasks", exempt(tasks)),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/impatient", impatient),
        WebSocketRoute("/flood", flood),
        WebSocketRoute("/silent", silent),
        WebSocketRoute("/admin", required(scopes="admin")(admin)),
        WebSocketRoute("/nonce", required(nonce=True)(echo)),
    ]
)
app.add_middleware(MFAMiddleware)
