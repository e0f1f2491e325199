from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponseRedirect, JsonResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from fastapi import FastAPI, WebSocket
from flask import Flask, g, redirect, request
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient, WebSocketDenialResponse

from mfa_middleware import django as mfa_django
from mfa_middleware.asgi import MFAMiddleware, required
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.events import Event
from mfa_middleware.fastapi import CurrentMachine
from mfa_middleware.fastapi import required as fastapi_required
from mfa_middleware.flask import MFA
from mfa_middleware.machines import FileRegistry, State, add
from mfa_middleware.testing import (
    FrozenClock,
    MemoryRegistry,
    TestMachine,
    enrolled,
    memory_service,
    mfa_off,
    service_of,
    signed_client,
)
from mfa_middleware.wsgi import MFAMiddleware as WsgiMiddleware
from tests.integrations import django_project  # noqa: F401 - it configures Django

APP = f"test-{os.getpid()}"


async def whole(request: Request) -> Response:
    machine = request.state.mfa.machine
    body = (await request.body()).decode()
    return JSONResponse({"machine": machine and machine.id, "body": body, "query": str(request.query_params)})


def starlette_app(**settings: Any) -> Starlette:
    routes = [
        Route("/", whole, methods=["GET", "POST"]),
        Route("/old", lambda _: RedirectResponse("/?a=1")),
        Route("/nonce", required(nonce=True)(whole), methods=["GET", "POST"]),
    ]
    app = Starlette(routes=routes)
    app.add_middleware(MFAMiddleware, service=memory_service(**settings))
    return app


def flask_app(**settings: Any) -> Flask:
    app = Flask(__name__)
    mfa = MFA(app, service=memory_service(**settings))

    def view() -> Any:
        query = request.query_string.decode()
        return {"machine": g.machine and g.machine.id, "body": request.get_data(as_text=True), "query": query}

    app.add_url_rule("/", "view", view, methods=["GET", "POST"])
    app.add_url_rule("/nonce", "nonce", mfa.required(nonce=True)(view), methods=["GET", "POST"])
    app.add_url_rule("/old", "old", lambda: redirect("/?a=1"))
    return app


def django_view(request: HttpRequest) -> JsonResponse:
    machine: Any = request.machine  # type: ignore[attr-defined]
    query = request.META.get("QUERY_STRING", "")
    return JsonResponse({"machine": machine and machine.id, "body": request.body.decode(), "query": query})


DJANGO = {
    "ROOT_URLCONF": (
        path("", django_view),
        path("nonce", mfa_django.required(nonce=True)(django_view)),
        path("old", lambda _: HttpResponseRedirect("/?a=1")),
    ),
    "MIDDLEWARE": ["mfa_middleware.django.MFAMiddleware"],
    "ALLOWED_HOSTS": ["testserver"],
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[None]:
    """A Django project for the tests of this module; its machines file does not exist."""
    mfa = {
        "MACHINES": tmp_path / "machines.json",
        "REPLAY_STORE": "memory:",
        "ORIGINS": "http://testserver",
        "APP": APP,
    }
    with override_settings(**DJANGO, MFA=mfa):
        yield


class Caller:
    """One shape for the clients of all frameworks."""

    def __init__(self, client: Any, machine: TestMachine) -> None:
        self.client, self.machine = client, machine

    def get(self, path: str, **options: Any) -> Any:
        return self.answer(self.client.get(path, **options))

    def post(self, path: str, body: str) -> Any:
        if isinstance(self.client, TestClient):
            return self.answer(self.client.post(path, content=body))
        if isinstance(self.client, Client | AsyncClient):
            return self.answer(self.client.post(path, body, content_type="text/plain"))
        return self.answer(self.client.post(path, data=body))

    @staticmethod
    def answer(response: Any) -> Any:
        response = asyncio.run(response) if asyncio.iscoroutine(response) else response
        return response.status_code, response.json() if callable(response.json) else response.json


FRAMEWORKS = ["starlette", "flask", "django", "django-async"]


@pytest.fixture(params=FRAMEWORKS)
def caller(request: pytest.FixtureRequest) -> Caller:
    kind = request.param
    if kind.startswith("django"):
        request.getfixturevalue("project")
        app: Any = AsyncClient() if kind == "django-async" else Client()
    else:
        app = starlette_app() if kind == "starlette" else flask_app()
    machine = enrolled(app, id="depot")
    return Caller(signed_client(app, machine, key="k"), machine)


class TestSignedClient:
    def test_every_request_is_signed_anew(self, caller: Caller) -> None:
        answers = [caller.get("/?b=2&a=%C3%A4") for _ in range(3)]
        assert [status for status, _ in answers] == [200, 200, 200]
        assert answers[0][1]["machine"] == "depot"

    def test_a_body_comes_whole(self, caller: Caller) -> None:
        assert caller.post("/", "hello")[1]["body"] == "hello"

    def test_a_demanded_nonce_is_used(self, caller: Caller) -> None:
        assert caller.get("/nonce")[0] == 200
        status, answer = caller.post("/nonce", "hello")
        assert (status, answer["body"]) == (200, "hello")

    def test_a_socket_uses_the_nonce_that_a_request_was_given(self) -> None:
        app = FastAPI()
        app.add_middleware(MFAMiddleware, service=memory_service(nonce="required"))

        @app.websocket("/feed")
        async def feed(socket: WebSocket) -> None:
            await socket.accept()
            await socket.close()

        client = signed_client(app, enrolled(app), key="k")
        with pytest.raises(WebSocketDenialResponse):
            client.websocket_connect("/feed").__enter__()
        assert client.get("/").status_code == 404
        with client.websocket_connect("/feed") as socket:
            assert socket.receive()["type"] == "websocket.close"

    def test_a_redirect_is_followed_with_a_proof_of_its_own(self, caller: Caller) -> None:
        if isinstance(caller.client, TestClient):
            answer = caller.get("/old")
        elif isinstance(caller.client, Client | AsyncClient):
            answer = caller.get("/old", follow=True)
        else:
            answer = caller.get("/old", follow_redirects=True)
        assert (answer[0], answer[1]["query"]) == (200, "a=1")

    def test_what_the_machine_may_not_do_is_refused(self, caller: Caller) -> None:
        caller.machine.pause()
        status, problem = caller.get("/")
        assert (status, problem["code"], problem["reason"]) == (403, "machine_inactive", "paused")
        caller.machine.resume()
        assert caller.get("/")[0] == 200
        caller.machine.revoke()
        assert caller.get("/")[1]["reason"] == "revoked"

    @pytest.mark.parametrize("make", [starlette_app, flask_app])
    @pytest.mark.parametrize(
        "settings",
        [
            {"origins": "https://api.example.com"},
            {"origins": "https://api.example.com:8443, https://other.example"},
            {"origins": "https://api.example.com", "path_prefix": "/v1"},
            {"credentials": "authorization"},
            {"credentials": "x-token, authorization"},
            {"nonce": "required"},
            {"algorithms": "Ed25519"},
        ],
        ids=lambda settings: ",".join(f"{name}={value}" for name, value in settings.items()),
    )
    def test_it_calls_as_the_settings_have_it(self, make: Any, settings: Any) -> None:
        app = make(**settings)
        machine = enrolled(app, id="depot", alg=settings.get("algorithms", "ES256"))
        options = {"base_url": settings["origins"].split(",")[0]} if make is flask_app and "origins" in settings else {}
        client = signed_client(app, machine, key="k")
        assert Caller(client, machine).get("/?a=1", **options)[0] == 200

    def test_a_credential_in_a_cookie_is_bound(self) -> None:
        for app in (starlette_app(credentials="cookie:session"), flask_app(credentials="cookie:session")):
            client = signed_client(app, enrolled(app))
            if isinstance(client, TestClient):
                client.cookies.set("session", "s")
            else:
                client.set_cookie("session", "s")
            assert client.get("/").status_code == 200

    def test_a_key_that_has_no_header_to_go_into_is_told(self) -> None:
        app = starlette_app(credentials="cookie:session")
        with pytest.raises(ConfigurationError, match="MFA_CREDENTIALS"):
            signed_client(app, enrolled(app), key="k")

    def test_a_request_may_bring_a_credential_of_its_own(self) -> None:
        app = starlette_app()
        client = signed_client(app, enrolled(app, keys=["mine"]), key="mine")
        assert client.get("/").status_code == 200
        assert client.get("/", headers={"X-API-Key": "another"}).json()["code"] == "scope_denied"

    @pytest.mark.parametrize("option", ["bind_query", "bind_body"])
    def test_it_takes_the_options_of_a_signer(self, option: str) -> None:
        app = starlette_app(require_query=option == "bind_query", require_body=option == "bind_body")
        client = signed_client(app, enrolled(app), key="k", **{option: False})  # type: ignore[call-overload]
        assert client.post("/?a=1", content="x").status_code == 401
        assert signed_client(app, enrolled(app), key="k").post("/?a=1", content="x").status_code == 200

    def test_a_client_of_the_test_is_changed_and_returned(self) -> None:
        app, flask = starlette_app(origins="http://testserver"), flask_app()
        for client, inner in ((TestClient(app), app), (flask.test_client(), flask)):
            assert client.get("/").status_code == 401
            assert signed_client(client, enrolled(inner), key="k") is client
            assert client.get("/").status_code == 200

    def test_any_asgi_app_behind_the_middleware_can_be_called(self) -> None:
        async def bare(scope: Any, receive: Any, send: Any) -> None:
            await JSONResponse("ok")(scope, receive, send)

        app = MFAMiddleware(bare, service=memory_service())
        assert signed_client(app, enrolled(app), key="k").get("/").json() == "ok"

    def test_a_host_that_django_does_not_serve_is_told(self, project: None) -> None:
        with (
            override_settings(MFA={"REPLAY_STORE": "memory:", "APP": APP}),
            pytest.raises(ConfigurationError, match="testserver"),
        ):
            signed_client(Client(), enrolled(MemoryRegistry()))


class TestEnrolled:
    def test_it_knows_every_word_of_a_machine(self) -> None:
        registry = MemoryRegistry()
        machine = enrolled(
            registry,
            alg="Ed25519",
            id="depot",
            name="The depot",
            scopes="read write",
            networks=["10.0.0.0/8"],
            schedule="mon-fri 08:00-18:00 UTC",
            valid_from="2026-01-01T00:00:00Z",
            valid_until="2027-01-01T00:00:00Z",
            owner="Ada",
            state=State.PAUSED,
            keys=["k"],
        ).machine
        assert registry.find(machine.thumbprint) is machine
        assert (machine.id, machine.name, machine.owner, machine.algorithm) == ("depot", "The depot", "Ada", "Ed25519")
        assert machine.scopes == {"read", "write"}
        assert (machine.state, str(machine.networks[0])) == (State.PAUSED, "10.0.0.0/8")
        assert not machine.credentials.any
        assert len(machine.credentials.hashes) == 1
        assert (machine.valid_from, machine.valid_until) == (1_767_225_600, 1_798_761_600)

    def test_any_credential_is_permitted_unless_some_are_named(self) -> None:
        assert enrolled(MemoryRegistry()).machine.credentials.any
        named = enrolled(MemoryRegistry(), credentials=[{"iss": "https://idp", "sub": "depot"}]).machine
        assert not named.credentials.any
        assert named.credentials.subjects == {("https://idp", "depot")}

    def test_a_wrong_word_is_told(self) -> None:
        with pytest.raises(ConfigurationError, match="schedule"):
            enrolled(MemoryRegistry(), schedule="whenever")

    def test_an_app_keeps_the_machines_that_it_has(self, tmp_path: Path) -> None:
        other = enrolled(MemoryRegistry(), id="in-the-file")
        add(tmp_path / "machines.json", other.entry)
        app = Starlette(routes=[Route("/", whole)])
        app.add_middleware(MFAMiddleware, machines=str(tmp_path / "machines.json"), replay_store="memory:", app=APP)
        machines = [other, enrolled(app, id="in-memory"), enrolled(app, id="another")]
        answers = [signed_client(app, machine, key="k").get("/").json()["machine"] for machine in machines]
        assert answers == ["in-the-file", "in-memory", "another"]

    def test_it_shows_no_private_key(self) -> None:
        machine = enrolled(MemoryRegistry(), keys=["a-secret-key"])
        assert "PRIVATE" not in repr(machine)
        assert "a-secret-key" not in repr(machine)

    def test_it_is_no_test(self) -> None:
        assert TestMachine.__test__ is False


class TestMemoryRegistry:
    def test_it_names_the_credentials_that_machines_name(self) -> None:
        registry = MemoryRegistry()
        enrolled(registry)
        named = enrolled(registry, credentials=[{"iss": "i", "sub": "s"}])
        enrolled(registry, state=State.PENDING, credentials=[{"iss": "i", "sub": "pending"}])
        known = [registry.knows_credential("x", "i", subject) for subject in ("s", "other", "pending")]
        assert known == [True, False, False]
        behind = MemoryRegistry(behind=registry)
        assert behind.knows_credential("x", "i", "s")
        assert behind.find(named.machine.thumbprint) is named.machine

    def test_trusted_first_use_ends_in_pending(self) -> None:
        registry = MemoryRegistry()
        app = starlette_app(mode="report", first_use=True, registry=registry)
        stranger = enrolled(MemoryRegistry())
        assert signed_client(app, stranger, key="k").get("/").json()["machine"] is None
        assert [machine.state for machine in registry.machines()] == [State.PENDING]

    def test_it_offers_all_that_a_registry_does(self, tmp_path: Path) -> None:
        registry = MemoryRegistry(behind=FileRegistry(tmp_path / "machines.json"))
        assert asyncio.run(registry.find_async("nobody")) is None
        registry.close()
        registry.close()


class TestFrozenClock:
    def test_time_passes_only_when_told(self) -> None:
        clock = FrozenClock(1_000)
        wall, monotonic = clock.wall(), clock.monotonic()
        clock.advance(5)
        assert (clock.wall() - wall, clock.monotonic() - monotonic) == (5, 5)
        clock.step(-60)
        assert (clock.wall() - wall, clock.monotonic() - monotonic) == (-55, 5)
        with pytest.raises(ValueError, match="step"):
            clock.advance(-1)

    def test_client_and_service_go_by_the_same_clock(self) -> None:
        clock = FrozenClock(1_000_000)
        app = starlette_app(clock=clock)
        client = signed_client(app, enrolled(app, valid_until="1970-01-12T14:46:40Z"), key="k")
        assert client.get("/").status_code == 200
        clock.advance(60 * 60)
        assert client.get("/").json()["code"] == "machine_inactive"


class TestServiceOf:
    def test_it_is_found_in_whatever_stands_around_it(self) -> None:
        service = memory_service()
        inner = Starlette()
        inner.add_middleware(MFAMiddleware, service=service)
        flask = Flask(__name__)
        MFA(flask, service=service)
        wrapped = Flask(__name__)
        wrapped.wsgi_app = WsgiMiddleware(wrapped.wsgi_app, service=service)  # type: ignore[method-assign]
        found: list[Any] = [
            service,
            inner,
            TestClient(inner),
            MFAMiddleware(Starlette(), service=service),
            flask,
            flask.test_client(),
            wrapped,
        ]
        assert [service_of(app) for app in found] == [service] * len(found)

    def test_where_nothing_checks_requests_it_says_so(self) -> None:
        for app in (Starlette(), Flask(__name__), object()):
            with pytest.raises(ConfigurationError, match="add MFAMiddleware"):
                service_of(app)

    def test_memory_service_reads_no_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MFA_MODE", "nonsense")
        assert memory_service(origins="https://api.example.com").settings.mode.name == "enforce"
        with pytest.raises(ConfigurationError, match="MFA_MODE"):
            memory_service(mode="nonsense")


class TestOff:
    @pytest.mark.parametrize("make", [starlette_app, flask_app])
    def test_every_request_passes_inside_the_block_and_none_after_it(self, make: Any) -> None:
        events: list[Event] = []
        app = make(on_event=events.append)
        client = TestClient(app) if make is starlette_app else app.test_client()
        with mfa_off(app):
            assert [client.get(path).status_code for path in ("/", "/nonce")] == [200, 200]
        assert client.get("/").status_code == 401
        assert [event.kind for event in events] == ["started", "enforcement_off", "enforcement_on", "refused"]
        assert [event.level for event in events[1:2]] == [30]

    def test_django_too(self, project: None) -> None:
        client = Client()
        with mfa_off(client):
            assert client.get("/").status_code == 200
        assert client.get("/").status_code == 401

    def test_it_ends_where_the_block_fails(self) -> None:
        app = starlette_app()
        with pytest.raises(ZeroDivisionError), mfa_off(app):
            raise ZeroDivisionError
        assert TestClient(app).get("/").status_code == 401

    def test_blocks_within_each_other_end_one_by_one(self) -> None:
        app = starlette_app()
        machine = enrolled(app, id="depot")
        with mfa_off(app, machine=machine):
            with mfa_off(app):
                assert TestClient(app).get("/").json()["machine"] is None
            assert TestClient(app).get("/").json()["machine"] == "depot"
        assert TestClient(app).get("/").status_code == 401

    def test_a_machine_can_be_given_to_endpoints_that_ask_for_one(self) -> None:
        app = FastAPI()
        app.add_middleware(MFAMiddleware, service=memory_service())

        @app.get("/")
        @fastapi_required(scopes="read", query=True, nonce=True)
        def endpoint(machine: CurrentMachine) -> str:
            return machine.id

        @app.websocket("/feed")
        async def feed(socket: WebSocket, machine: CurrentMachine) -> None:
            await socket.accept()
            async for text in socket.iter_text():
                await socket.send_text(machine.id + text)

        with mfa_off(app, machine=enrolled(MemoryRegistry(), id="depot", scopes="read")):
            assert TestClient(app).get("/?a=1").json() == "depot"
            with TestClient(app).websocket_connect("/feed") as socket:
                for _ in range(2):
                    socket.send_text("!")
                    assert socket.receive_text() == "depot!"
                    threading.Event().wait(0.5)

    def test_unittest_may_use_it(self, tmp_path: Path) -> None:
        module = tmp_path / "test_it.py"
        module.write_text(
            textwrap.dedent(
                """
                import unittest
                from starlette.applications import Starlette
                from mfa_middleware.asgi import MFAMiddleware
                from mfa_middleware.testing import enrolled, memory_service, mfa_off

                app = Starlette()
                app.add_middleware(MFAMiddleware, service=memory_service())

                class Case(unittest.TestCase):
                    def test_sync(self):
                        with mfa_off(app, machine=enrolled(app)):
                            pass

                class AsyncCase(unittest.IsolatedAsyncioTestCase):
                    async def test_async(self):
                        with mfa_off(app, machine=enrolled(app)):
                            pass
                """
            )
        )
        done = subprocess.run(
            [sys.executable, "-m", "unittest", "-q", "test_it"],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Ran 2 tests" in done.stderr

    @pytest.mark.parametrize("call", ["mfa_off(app).__enter__()", "enrolled(app)"])
    def test_outside_of_a_test_it_raises_whatever_the_environment_says(self, call: str) -> None:
        script = f"""
            import unittest, unittest.mock
            from starlette.applications import Starlette
            from mfa_middleware.asgi import MFAMiddleware
            from mfa_middleware.testing import enrolled, memory_service, mfa_off
            app = Starlette()
            app.add_middleware(MFAMiddleware, service=memory_service())
            {call}
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            capture_output=True, text=True, timeout=60, check=False,
            env={"PYTEST_CURRENT_TEST": "tests/test_x.py::test (call)", "PYTEST_VERSION": "9"},
        )  # fmt: skip
        assert done.returncode == 1
        assert "works only where pytest or unittest is running the code that calls it" in done.stderr

    def test_a_thread_that_outlives_its_test_cannot_use_it(self) -> None:
        app, outcome = starlette_app(), []

        def leave_on() -> None:
            try:
                mfa_off(app).__enter__()
            except RuntimeError as error:
                outcome.append(str(error))

        thread = threading.Thread(target=leave_on)
        thread.start()
        thread.join()
        assert outcome == ["mfa_off works only where pytest or unittest is running the code that calls it"]


def test_importing_the_helpers_imports_no_framework() -> None:
    script = (
        "import sys, mfa_middleware.testing; "
        "print([n for n in ('starlette', 'flask', 'fastapi', 'django', 'httpx2', 'httpx') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
