"""The firewall alone as ASGI middleware: one line, and no machine is asked for.

app.add_middleware(Firewall, jwt_keys="https://issuer.example.com/jwks.json")
"""

from __future__ import annotations

from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mfa_middleware import asgi_lifespan
from mfa_middleware.asgi_body import Body, Disconnected
from mfa_middleware.asgi_exchange import request_of
from mfa_middleware.asgi_outgoing import send_answer
from mfa_middleware.asgi_websocket import deny
from mfa_middleware.firewall_service import FirewallService
from mfa_middleware.settings import Settings

__all__ = ["FIREWALL_KEY", "Firewall"]

FIREWALL_KEY: Final = "firewall"
"""`request.state.firewall` is the Decision on a request that the app gets, with its findings and verified claims."""


class Firewall:
    """Refuses requests whose bearer JWT is an attack, or does not verify, and names every trick in an event.

    `settings`: the options of `Settings`, over the environment; or one `service` that is already built. A wrong
    setting stops the start: it fails the lifespan, and where the server runs none, every request.
    """

    def __init__(self, app: ASGIApp, /, *, service: FirewallService | None = None, **settings: Any) -> None:
        self.app = app
        self._service = service
        self._settings = settings

    @property
    def service(self) -> FirewallService:
        """The service behind this middleware, built when it is first needed. Raises ConfigurationError."""
        if self._service is None:
            self._service = FirewallService(Settings.load(self._settings))
        return self._service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await asgi_lifespan.begin(self.app, lambda: self.service, scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        body = Body(receive, scope["headers"], exists=scope["type"] == "http")
        try:
            decision = await self.service.decide_async(request_of(scope), body.read)
        except Disconnected:
            return
        if decision.refusal is not None:
            answer = self.service.answer(decision.refusal)
            await (send_answer(answer, send) if scope["type"] == "http" else deny(answer, scope, send))
            return
        scope.setdefault("state", {})[FIREWALL_KEY] = decision
        await self.app(scope, body.receive if scope["type"] == "http" else receive, send)
