"""A service in memory, a machine that it knows, and what it told; for the tests of ASGI apps."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from mfa_middleware.asgi import MFAMiddleware
from mfa_middleware.client import sign_headers
from mfa_middleware.events import Event
from mfa_middleware.service import Service
from mfa_middleware.testing import FrozenClock, TestMachine, enrolled, memory_service, signed_client
from tests.helpers.asgi import Call, body_parts, scope_of

__all__ = ["KEY", "Setup", "plain"]

KEY = "the-api-key"


class Setup:
    def __init__(self, **settings: Any) -> None:
        self.events: list[Event] = []
        self.clock = FrozenClock(1_800_000_000)
        self.service: Service = memory_service(clock=self.clock, on_event=self.events.append, **settings)
        self.machine: TestMachine = enrolled(self.service, id="depot", name="The depot", scopes="read write")

    def app(self, *routes: Any, inside: tuple[Any, ...] = (), outside: tuple[Any, ...] = (), **more: Any) -> Starlette:
        ours = Middleware(MFAMiddleware, service=self.service)
        return Starlette(routes=routes, middleware=[*outside, ours, *inside], **more)

    def client(self, app: Any, **options: Any) -> TestClient:
        client: TestClient = signed_client(app, self.machine, key=KEY, **options)
        return client

    def kinds(self) -> list[str]:
        return [f"{event.kind} {event.code or ''}".strip() for event in self.events if event.kind != "started"]

    def signed(self, path: str, method: str = "GET", *, body: bytes | None = None) -> dict[str, str]:
        """The headers of a request with a key and a proof."""
        own = {"x-api-key": KEY}
        url = f"http://localhost{path}"
        return own | sign_headers(self.machine.key, method, url, headers=own, body=body, clock=self.clock.wall)

    def call(self, path: str, method: str = "GET", *, body: bytes | None = None, **more: Any) -> Call:
        """A call with a key and a proof, to be sent message by message."""
        call = Call(scope_of(path, method, headers=self.signed(path, method, body=body).items(), **more))
        if body is not None:
            call.incoming = body_parts(body)
        return call


def plain(app: Any, **options: Any) -> TestClient:
    """A client on loopback with a key, but no machine."""
    headers = {"X-API-Key": KEY}
    return TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000), headers=headers, **options)
