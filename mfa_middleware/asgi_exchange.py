"""One request under ASGI from its check to its answer, and how its route holds it against more demands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from starlette.authentication import AuthCredentials, BaseUser, UnauthenticatedUser
from starlette.exceptions import HTTPException, WebSocketException
from starlette.types import Scope

from mfa_middleware.asgi_body import Body
from mfa_middleware.asgi_routes import own_mark
from mfa_middleware.challenge import Answer
from mfa_middleware.decision import Decision
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.http import Request
from mfa_middleware.machines import Machine
from mfa_middleware.marks import Checked
from mfa_middleware.route import Route
from mfa_middleware.service import Service

__all__ = ["KEY", "POLICY_VIOLATION", "Exchange", "MachineUser", "hold", "loosened", "request_of"]

KEY: Final = "mfa"
"""The key of the Decision in `scope["state"]`: `request.state.mfa` in Starlette and FastAPI."""
POLICY_VIOLATION: Final = 1008  # RFC 6455 7.4.1
_SAFE: Final = "/:@!$&'()*+,;=~"


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


class Exchange:
    """One request and what its check came to. It stands in `scope["mfa"]` once the request was let through."""

    __slots__ = ("_body", "_checked", "_names_user", "_request")

    def __init__(self, checked: Checked, request: Request, body: Body, *, names_user: bool) -> None:
        self._checked, self._request, self._body = checked, request, body
        self._names_user = names_user

    @classmethod
    async def begin(cls, service: Service, route: Route, scope: Scope, body: Body) -> Exchange:
        """Check a request. Raises asgi_body.Disconnected."""
        request = request_of(scope)
        decision = await service.decide_async(request, route, body.read)
        return cls(Checked(service, route, decision), request, body, names_user="user" not in scope)

    @property
    def service(self) -> Service:
        """The service that made the check."""
        return self._checked.service

    @property
    def decision(self) -> Decision:
        """What the check came to, and the demands of the route since then."""
        return self._checked.decision

    @property
    def machine(self) -> Machine | None:
        """The machine whose proof was accepted."""
        return self._checked.machine

    def refusal(self, *, cors: bool = False) -> Answer | None:
        """The answer where the request is refused."""
        decision = self.decision
        if decision.allowed or decision.refusal is None:
            return None
        return self.service.answer(decision.refusal, nonce=decision.nonce, cors=cors)

    def enter(self, scope: Scope) -> None:
        """Tell the app: `request.state.mfa`, and `request.user` and `request.auth` where nobody else has."""
        scope[KEY] = self
        scope.setdefault("state", {})[KEY] = self.decision
        if self._names_user:
            machine = self.machine
            scope["user"] = MachineUser(machine) if machine else UnauthenticatedUser()
            scope["auth"] = AuthCredentials(sorted(machine.scopes) if machine else ())

    async def hold(self, scope: Scope, route: Route) -> None:
        """Hold the request against the demands of the route that runs now.

        Raises HTTPException, or WebSocketException, where it does not meet them: any exception would do, because
        the middleware sends the refusal in place of whatever the app makes of it.
        """
        checked = self._checked
        if checked.decision.allowed and not checked.covers(route):
            if route.body and not checked.decision.facts.body_bound and await self._body.is_empty():
                route = replace(route, body=False)
            self._checked = await checked.hold_async(route, self._request, self._body.read)
            self.enter(scope)
        if (answer := self.refusal()) is not None:
            if scope["type"] == "websocket":
                raise WebSocketException(POLICY_VIOLATION, "refused")
            raise HTTPException(answer.status)

    async def still_acts(self) -> bool:
        """Whether the machine may still act, while a connection stays open."""
        return await self.service.still_acts(self.decision)


async def hold(scope: Scope, route: Route) -> Machine | None:
    """Hold the request of a scope against a route; its machine, where its proof was accepted.

    Raises ConfigurationError where no middleware has checked the request, and as Exchange.hold does.
    """
    exchange: Any = scope.get(KEY)
    if not isinstance(exchange, Exchange):
        raise ConfigurationError(
            "this route demands a machine, but nothing checks its requests: write app.add_middleware(MFAMiddleware)"
        )
    await exchange.hold(scope, route)
    return exchange.machine


def request_of(scope: Scope) -> Request:
    """The request of an HTTP or WebSocket scope, as the core sees it."""
    get, path = scope.get, scope["path"]
    raw, root, client, server = get("raw_path"), get("root_path", ""), get("client"), get("server")
    return Request(
        get("method", "GET"),
        get("scheme", "http"),
        raw.partition(b"?")[0].decode("latin-1") if raw else _quoted(path),
        get("query_string", b""),
        scope["headers"],
        path[len(root) :] if root and f"{path}/".startswith(f"{root}/") else path,
        _quoted(root) if root else "",
        bool(raw),
        client[0] if client else None,
        server[0] if server else None,
        scope["type"] == "websocket",
    )


def _quoted(path: str) -> str:
    return quote(path, safe=_SAFE, errors="replace") if path else ""


def loosened(route: Route, scope: Scope) -> Route:
    """A demand of a router or of the app, without what the endpoint that really runs is let off."""
    own = own_mark(scope.get("endpoint"))
    if own is None or not own.loosens:
        return route
    return replace(
        route,
        exempt=route.exempt or own.exempt,
        report_only=route.report_only or own.report_only,
        credential=route.credential and own.credential,
    )
