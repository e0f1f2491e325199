"""The ASGI face: one line in the middleware stack of Starlette, FastAPI, Litestar, Quart, Django or any ASGI app.

app.add_middleware(MFAMiddleware, origins="https://api.example.com")
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from starlette.authentication import AuthCredentials, BaseUser, UnauthenticatedUser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mfa_middleware.asgi_body import Body, Disconnected
from mfa_middleware.asgi_routes import Routes
from mfa_middleware.asgi_websocket import run_watched, send_refusal
from mfa_middleware.challenge import Answer, with_exposed_headers
from mfa_middleware.decision import Decision
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.http import Request
from mfa_middleware.machines import Machine
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings

__all__ = ["KEY", "MFAMiddleware", "MachineUser", "request_of"]

KEY: Final = "mfa"
"""The key of the Decision in `scope["state"]`: `request.state.mfa` in Starlette and FastAPI."""
_SERVICE: Final = "mfa_middleware.service"


class MachineUser(BaseUser):
    """The machine of a request as Starlette's `request.user`."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @property
    def is_authenticated(self) -> bool:
        """Always true: the proof of this machine was accepted."""
        return True

    @property
    def display_name(self) -> str:
        """The name of the machine."""
        return self.machine.name

    @property
    def identity(self) -> str:
        """The id of the machine."""
        return self.machine.id


class MFAMiddleware:
    """Asks every request for a proof by an enrolled machine.

    `settings`: the options of `Settings`, over the environment; or one `service` that is already built. A wrong
    setting stops the start: it fails the lifespan, and where there is none, the first request.
    """

    def __init__(self, app: ASGIApp, *, service: Service | None = None, **settings: Any) -> None:
        self.app = app
        self._routes = Routes()
        self._service = service
        self._error: ConfigurationError | None = None
        if service is None:
            try:
                self._service = Service(Settings.load(settings))
            except ConfigurationError as error:
                self._error = error

    @property
    def service(self) -> Service:
        """The service behind this middleware. Raises ConfigurationError where a setting is wrong."""
        if self._service is None:
            raise self._error or ConfigurationError("the middleware has no service")
        return self._service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] not in ("http", "websocket") or scope.get(_SERVICE) is self.service:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._error is not None:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": f"mfa_middleware: {self._error}"})
            return
        await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, body = request_of(scope), Body(receive)
        try:
            decision = await self.service.decide_async(request, self._routes.route_of(scope), body.read)
        except Disconnected:
            return
        cors = _has_origin(scope)
        if not decision.allowed and decision.refusal is not None:
            answer = self.service.answer(decision.refusal, nonce=decision.nonce, cors=cors)
            await _send(answer, send)
            return
        self._remember(scope, decision)
        if decision.nonce is not None or cors:
            send = _completing(send, decision.nonce, cors=cors)
        await self.app(scope, body.receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = request_of(scope)
        decision = await self.service.decide_async(request, self._routes.route_of(scope), Body(receive).read)
        if not decision.allowed and decision.refusal is not None:
            await send_refusal(self.service.answer(decision.refusal, nonce=decision.nonce), scope, receive, send)
            return
        self._remember(scope, decision)
        if decision.nonce is not None:
            send = _completing(send, decision.nonce, cors=False)
        await run_watched(self.app, scope, receive, send, lambda: self.service.still_acts(decision))

    def _remember(self, scope: Scope, decision: Decision) -> None:
        scope[_SERVICE] = self.service
        scope.setdefault("state", {})[KEY] = decision
        if "user" not in scope:
            machine = decision.machine
            scope["user"] = MachineUser(machine) if machine else UnauthenticatedUser()
            scope["auth"] = AuthCredentials(sorted(machine.scopes) if machine else ())


def request_of(scope: Scope) -> Request:
    """The request of an HTTP or WebSocket scope, as the core sees it."""
    raw, path, root = scope.get("raw_path"), scope["path"], scope.get("root_path", "")
    client, server = scope.get("client"), scope.get("server")
    return Request(
        method=scope.get("method", "GET"),
        scheme=scope.get("scheme", "http"),
        raw_path=raw.partition(b"?")[0].decode("latin-1") if raw else quote(path, safe="/:@!$&'()*+,;=~"),
        query=scope.get("query_string", b""),
        headers=scope["headers"],
        routed_path=path[len(root) :] if root and path.startswith(root) else path,
        root=quote(root, safe="/:@!$&'()*+,;=~"),
        exact=bool(raw),
        peer=client[0] if client else None,
        local=server[0] if server else None,
        websocket=scope["type"] == "websocket",
    )


def _has_origin(scope: Scope) -> bool:
    return any(name == b"origin" for name, _ in scope["headers"])


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _completing(send: Send, nonce: str | None, *, cors: bool) -> Send:
    """`send` that adds the new nonce, and exposes it where the app answers a script of another origin."""

    async def complete(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.accept"):
            headers = list(message.get("headers", ()))
            if nonce is not None:
                headers.append((b"dpop-nonce", nonce.encode("ascii")))
            message = {**message, "headers": _exposed(headers) if cors else headers}
        await send(message)

    return complete


def _exposed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    if not any(name.lower() == b"access-control-allow-origin" for name, _ in headers):
        return headers
    name = b"access-control-expose-headers"
    existing = b",".join(value for key, value in headers if key.lower() == name).decode("latin-1")
    kept = [(key, value) for key, value in headers if key.lower() != name]
    return [*kept, (name, with_exposed_headers(existing).encode("latin-1"))]
