"""The ASGI face: one line in the middleware stack of Starlette, FastAPI, Litestar, Quart or any ASGI app.

app.add_middleware(MFAMiddleware, origins="https://api.example.com")
"""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from mfa_middleware import asgi_lifespan
from mfa_middleware.asgi_body import Body, Disconnected
from mfa_middleware.asgi_exchange import KEY, Exchange, MachineUser, request_of
from mfa_middleware.asgi_firewall import FIREWALL_KEY, Firewall
from mfa_middleware.asgi_marks import exempt, required
from mfa_middleware.asgi_outgoing import Outgoing
from mfa_middleware.asgi_routes import Routes
from mfa_middleware.asgi_websocket import Socket
from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings

__all__ = ["FIREWALL_KEY", "KEY", "Firewall", "MFAMiddleware", "MachineUser", "exempt", "request_of", "required"]


class MFAMiddleware:
    """Asks every request for a proof by an enrolled machine.

    `settings`: the options of `Settings`, over the environment; or one `service` that is already built. A wrong
    setting stops the start: it fails the lifespan, and where the server runs none, every request. The service lives
    as long as the process. One request is checked once: inside another MFAMiddleware this one needs the same
    service, or equal settings.
    """

    def __init__(self, app: ASGIApp, /, *, service: Service | None = None, **settings: Any) -> None:
        self.app = app
        self._given = service
        self._settings = settings
        self._loaded: Service | None = None
        self._routes = Routes(app)

    @property
    def service(self) -> Service:
        """The service behind this middleware, built when it is first needed. Raises ConfigurationError."""
        if self._given is not None:
            return self._given
        if self._loaded is None:
            try:
                self._loaded = Service(Settings.load(self._settings))
            except StoreError as error:
                raise ConfigurationError(f"MFA_REPLAY_STORE: {error}") from error
        return self._loaded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await asgi_lifespan.begin(self.app, lambda: self.service, scope, receive, send)
        elif scope["type"] not in ("http", "websocket") or self._is_checked(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = Body(receive, scope["headers"])
        try:
            exchange = await Exchange.begin(self.service, self._routes.route_of(scope), scope, body)
        except Disconnected:
            return
        outgoing = Outgoing(exchange, scope, send)
        if await outgoing.refuse():
            return
        exchange.enter(scope)
        try:
            await self.app(scope, body.receive, outgoing.send)
        except Disconnected:
            return
        except Exception as error:
            if not await outgoing.refuse() or not isinstance(error, HTTPException):
                raise
        else:
            await outgoing.refuse()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = await Exchange.begin(self.service, self._routes.route_of(scope), scope, Body(receive, exists=False))
        socket = Socket(exchange, scope, receive, send)
        if await socket.refuse():
            return
        exchange.enter(scope)
        await socket.run(self.app, scope)

    def _is_checked(self, scope: Scope) -> bool:
        """Whether a middleware further out has checked this request for this one too."""
        outer = scope.get(KEY)
        if not isinstance(outer, Exchange):
            return False
        if outer.service is self.service:
            return True
        if self._given is None and outer.service.settings == self.service.settings:
            return True
        if outer.machine is not None:
            raise ConfigurationError(
                "another MFAMiddleware with other settings has used the proof of this request: give both one service"
            )
        return False
