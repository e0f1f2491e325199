from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.endpoints import WebSocketEndpoint
from starlette.routing import WebSocketRoute
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from mfa_middleware.asgi import exempt, required
from mfa_middleware.client import PrivateKey, sign_headers
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.machines import State, add, set_state
from tests.helpers.asgi import Call, scope_of
from tests.helpers.servers import Server, running, until

from .setup import KEY, Setup, plain


@pytest.fixture
def setup() -> Setup:
    return Setup()


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"machine": getattr(websocket.state.mfa.machine, "id", None)})
    async for text in websocket.iter_text():
        await websocket.send_text(text)


def exhaust(receive: Callable[[], object]) -> None:
    """Receive until it raises."""
    while True:
        receive()


class TestHandshake:
    def test_one_proof_opens_a_socket(self, setup: Setup) -> None:
        with setup.client(setup.app(WebSocketRoute("/feed", echo))).websocket_connect("/feed") as socket:
            assert socket.receive_json() == {"machine": "depot"}
            socket.send_text("hello")
            assert socket.receive_text() == "hello"

    def test_a_refusal_is_an_answer_like_any_other(self, setup: Setup) -> None:
        with pytest.raises(WebSocketDenialResponse) as refused:
            plain(setup.app(WebSocketRoute("/feed", echo))).websocket_connect("ws://localhost/feed").__enter__()
        assert refused.value.status_code == 401
        assert refused.value.headers["content-type"] == "application/problem+json"
        assert refused.value.headers["www-authenticate"].startswith('DPoP error="invalid_dpop_proof"')
        assert refused.value.json()["code"] == "missing_proof"

    def test_a_server_that_cannot_answer_closes_the_handshake(self, setup: Setup) -> None:
        call = Call(scope_of("/feed", type="websocket", scheme="ws")).run(setup.app(WebSocketRoute("/feed", echo)))
        assert call.sent == [{"type": "websocket.close", "code": 1008}]

    @pytest.mark.parametrize("scheme", ["ws", "http"])
    def test_htu_may_be_written_with_either_scheme(self, setup: Setup, scheme: str) -> None:
        url, own = f"{scheme}://localhost/feed", {"x-api-key": KEY}
        proof = sign_headers(setup.machine.key, "GET", url, headers=own, clock=setup.clock.wall)
        client = plain(setup.app(WebSocketRoute("/feed", echo)))
        with client.websocket_connect("ws://localhost/feed", headers=proof) as socket:
            assert socket.receive_json() == {"machine": "depot"}

    def test_an_aged_nonce_is_renewed_with_the_acceptance(self, setup: Setup) -> None:
        app = setup.app(WebSocketRoute("/feed", echo))
        url, own = "http://localhost/feed", {"x-api-key": KEY}
        nonce = setup.service._guard._nonces.mint(
            setup.service.store.state(), setup.machine.machine.thumbprint, setup.clock.wall() - 61
        )
        proof = sign_headers(setup.machine.key, "GET", url, headers=own, nonce=nonce, clock=setup.clock.wall)
        with plain(app).websocket_connect("ws://localhost/feed", headers=proof) as socket:
            assert b"dpop-nonce" in dict(socket.extra_headers or ())

    def test_an_exempt_socket_needs_no_proof(self, setup: Setup) -> None:
        app = setup.app(WebSocketRoute("/feed", exempt(echo)))
        with plain(app).websocket_connect("ws://localhost/feed") as socket:
            assert socket.receive_json() == {"machine": None}


class Endpoint(WebSocketEndpoint):
    encoding = "text"

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await websocket.send_text(data)


async def accepting(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


class TestRequired:
    @pytest.mark.parametrize("endpoint", [accepting, Endpoint], ids=["function", "class"])
    def test_a_socket_is_refused_before_it_is_accepted(self, setup: Setup, endpoint: Any) -> None:
        fresh = type("Fresh", (Endpoint,), {}) if endpoint is Endpoint else endpoint
        client = setup.client(setup.app(WebSocketRoute("/feed", required(scopes="admin")(fresh))))
        with pytest.raises(WebSocketDenialResponse) as refused:
            client.websocket_connect("/feed").__enter__()
        assert (refused.value.status_code, refused.value.json()["code"]) == (403, "scope_denied")
        assert [kind for kind in setup.kinds() if kind.startswith("refused")] == ["refused scope_denied"]

    def test_a_socket_that_has_what_is_demanded_opens(self, setup: Setup) -> None:
        marked = required(scopes="read", body=True, networks="127.0.0.0/8")(type("Fresh", (Endpoint,), {}))
        with setup.client(setup.app(WebSocketRoute("/feed", marked))).websocket_connect("/feed") as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello"

    def test_without_the_middleware_it_fails_closed(self, setup: Setup) -> None:
        client = plain(setup.app().__class__(routes=[WebSocketRoute("/feed", required()(accepting))]))
        with pytest.raises(ConfigurationError, match="add_middleware"):
            client.websocket_connect("ws://localhost/feed").__enter__()

    def test_an_app_that_opens_the_socket_all_the_same_does_not_change_a_refusal(self, setup: Setup) -> None:
        held = required(scopes="admin")(accepting)

        async def stubborn(websocket: WebSocket) -> None:
            try:
                await held(websocket)
            except Exception:
                await websocket.accept()
                await websocket.send_text("secret")

        client = setup.client(setup.app(WebSocketRoute("/feed", stubborn)))
        with pytest.raises(WebSocketDenialResponse) as refused:
            client.websocket_connect("/feed").__enter__()
        assert refused.value.json()["code"] == "scope_denied"


class TestRevocation:
    def test_a_socket_whose_machine_is_paused_is_closed(self, setup: Setup) -> None:
        ends: list[Any] = []

        async def feed(websocket: WebSocket) -> None:
            await websocket.accept()
            try:
                await websocket.receive_text()
            except WebSocketDisconnect as end:
                ends.append((end.code, end.reason))
            await websocket.close()

        with setup.client(setup.app(WebSocketRoute("/feed", feed))).websocket_connect("/feed") as socket:
            setup.machine.pause()
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
            assert (closed.value.code, closed.value.reason) == (1008, "machine inactive")
        assert ends == [(1008, "machine inactive")]

    def test_a_socket_is_closed_at_the_end_of_the_machine_s_validity(self, setup: Setup) -> None:
        setup.machine.change(valid_until=setup.clock.wall() + 60)
        with setup.client(setup.app(WebSocketRoute("/feed", echo))).websocket_connect("/feed") as socket:
            assert socket.receive_json()
            setup.clock.advance(60)
            with pytest.raises(WebSocketDisconnect):
                socket.receive_text()

    def test_an_app_that_goes_on_sending_is_told_that_the_client_is_gone(self, setup: Setup) -> None:
        ends: list[str] = []

        async def feed(websocket: WebSocket) -> None:
            await websocket.accept()
            try:
                while True:
                    await websocket.send_text("tick")
                    await asyncio.sleep(0.01)
            except WebSocketDisconnect:
                ends.append("gone")
                raise

        with setup.client(setup.app(WebSocketRoute("/feed", feed))).websocket_connect("/feed") as socket:
            setup.machine.revoke()
            with pytest.raises(WebSocketDisconnect):
                exhaust(socket.receive_text)
            until(lambda: ends == ["gone"], "the app ends")

    def test_where_nothing_is_enforced_no_socket_is_closed(self) -> None:
        setup = Setup(mode="report")
        app = setup.app(WebSocketRoute("/feed", echo))
        with setup.client(app).websocket_connect("/feed") as socket:
            assert socket.receive_json() == {"machine": "depot"}
            setup.machine.revoke()
            deadline = time.monotonic() + 1
            while time.monotonic() < deadline:
                socket.send_text("hello")
                assert socket.receive_text() == "hello"

    def test_a_registry_that_fails_closes_the_socket(
        self, setup: Setup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        with setup.client(setup.app(WebSocketRoute("/feed", echo))).websocket_connect("/feed") as socket:
            assert socket.receive_json()

            def find(_: str) -> Any:
                raise OSError("the disk is gone")

            monkeypatch.setattr(setup.service.registry, "find", find)
            with pytest.raises(WebSocketDisconnect):
                socket.receive_text()
        assert "a registry failed; the socket is closed" in caplog.text

    def test_the_error_of_an_app_is_its_own(self, setup: Setup) -> None:
        async def feed(websocket: WebSocket) -> None:
            await websocket.accept()
            raise ZeroDivisionError

        with (
            pytest.raises(ZeroDivisionError),
            setup.client(setup.app(WebSocketRoute("/feed", feed))).websocket_connect("/feed"),
        ):
            pass


SERVERS = ["uvicorn", "uvicorn-h11", "hypercorn", "granian"]
APP = "tests.integrations.asgi_app:app"
OWN = {"X-API-Key": KEY}


@dataclass
class Live:
    """An app on a real server, and a machine of its own in the file."""

    server: Server
    machines: Path
    id: str
    key: PrivateKey = field(default_factory=PrivateKey.generate)

    def enrol(self) -> None:
        add(self.machines, {"id": self.id, "jwk": dict(self.key.public_jwk), "credentials": ["any"]})
        until(lambda: httpx2.get(f"{self.server.url}/me", headers=self.signed("/me")).status_code == 200, "it is known")

    def signed(self, path: str, **options: Any) -> dict[str, str]:
        return OWN | sign_headers(self.key, "GET", self.server.url + path, headers=OWN, **options)

    def connect(self, path: str, headers: dict[str, str] | None = None) -> Any:
        url = f"ws://127.0.0.1:{self.server.port}{path}"
        return connect(url, additional_headers=self.signed(path) if headers is None else headers, max_size=None)

    def refusal(self, path: str, headers: dict[str, str] | None = None) -> Any:
        with pytest.raises(InvalidStatus) as refused:
            self.connect(path, headers)
        return refused.value.response

    def pause(self) -> Callable[[], float]:
        """Pause the machine; tells the seconds since then."""
        begin = time.monotonic()
        set_state(self.machines, self.id, State.PAUSED)
        return lambda: time.monotonic() - begin

    def complaints(self) -> list[str]:
        words = ("Traceback", "ERROR", "never retrieved", "destroyed", "Exception")
        return [line for line in self.server.output.splitlines() if any(word in line for word in words)]


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    place = tmp_path_factory.mktemp("served")
    settings = {"MFA_MACHINES": str(place / "machines.json"), "MFA_APP": f"test-{time.time_ns()}"}
    with running(request.param, APP, place / "log", **settings, PYTHONWARNINGS="error") as server:
        yield server, place / "machines.json"


@pytest.fixture
def live(served: tuple[Server, Path]) -> Live:
    live = Live(*served, id=f"m-{time.time_ns()}")
    live.enrol()
    return live


class TestRealServers:
    def test_a_socket_lives_and_ends_as_its_machine_may(self, live: Live) -> None:
        with live.connect("/echo") as socket:
            socket.send("hello")
            assert socket.recv() == "hello"
            since = live.pause()
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
            assert since() < 1
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "machine inactive")
        refused = live.refusal("/echo")
        assert (refused.status_code, json.loads(refused.body)["code"]) == (403, "machine_inactive")
        assert live.complaints() == []

    def test_every_refusal_is_an_http_answer(self, live: Live) -> None:
        missing = live.refusal("/echo", OWN)
        assert (missing.status_code, json.loads(missing.body)["code"]) == (401, "missing_proof")
        assert missing.headers["content-type"] == "application/problem+json"
        denied = live.refusal("/admin")
        assert (denied.status_code, json.loads(denied.body)["code"]) == (403, "scope_denied")
        nonce = live.refusal("/nonce")
        assert (nonce.status_code, json.loads(nonce.body)["code"]) == (401, "use_dpop_nonce")
        with live.connect("/nonce", live.signed("/nonce", nonce=nonce.headers["dpop-nonce"])) as socket:
            socket.send("hello")
            assert socket.recv() == "hello"
        replayed = live.signed("/echo")
        with live.connect("/echo", replayed):
            pass
        assert json.loads(live.refusal("/echo", replayed).body)["code"] == "replayed"
        assert live.complaints() == []

    def test_an_app_that_gives_up_waiting_misses_no_message(self, live: Live) -> None:
        if live.server.name == "granian":
            pytest.skip("granian loses the message of a receive that is cancelled, with any app")
        with live.connect("/impatient") as socket:
            sent = [str(number) for number in range(20)]
            for text in sent:
                socket.send(text)
                time.sleep(0.002)
            assert json.loads(socket.recv(timeout=10)) == sent

    @pytest.mark.parametrize("path", ["/flood", "/silent"])
    def test_an_app_that_does_not_listen_is_cut_off(self, live: Live, path: str) -> None:
        with live.connect(path) as socket:
            since = live.pause()
            with pytest.raises(ConnectionClosed):
                exhaust(lambda: socket.recv(timeout=10))
            assert since() < 2  # what was sent by then is still to be read

    def test_no_task_is_left_behind(self, live: Live) -> None:
        def tasks() -> int:
            return int(httpx2.get(f"{live.server.url}/tasks").text)

        for _ in range(3):
            with live.connect("/echo") as socket:
                socket.send("hello")
                assert socket.recv() == "hello"
                assert tasks() == 1
            until(lambda: tasks() == 0, "the task ends", seconds=10)
        assert live.complaints() == []
