from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response, Security, WebSocket
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.testclient import TestClient
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.routing import Host, Route
from starlette.testclient import WebSocketDenialResponse

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.fastapi import (
    UNPROVEN,
    CurrentMachine,
    MachineMFA,
    MFAMiddleware,
    OptionalMachine,
    exempt,
    required,
)
from tests.helpers.asgi import body_parts

from .future_app import router as future_router
from .setup import Setup, plain


@pytest.fixture
def setup() -> Setup:
    return Setup()


def app_of(setup: Setup, **options: Any) -> FastAPI:
    app = FastAPI(**options)
    app.add_middleware(MFAMiddleware, service=setup.service)
    return app


def health() -> dict[str, str]:
    return {"status": "ok"}


class TestMachine:
    def test_the_machine_comes_as_an_argument(self, setup: Setup) -> None:
        app = app_of(setup)

        @app.get("/sync")
        def sync(machine: CurrentMachine, optional: OptionalMachine) -> Any:
            return [machine.id, optional and optional.id]

        @app.get("/async")
        async def in_the_loop(machine: CurrentMachine, optional: OptionalMachine) -> Any:
            return [machine.id, optional and optional.id]

        client = setup.client(app)
        assert client.get("/sync").json() == client.get("/async").json() == ["depot", "depot"]

    @pytest.mark.parametrize("mode", ["off", "report"])
    def test_where_nothing_is_enforced_every_route_runs_without_one(self, mode: str) -> None:
        setup = Setup(mode=mode)
        app = app_of(setup)

        @app.get("/", dependencies=[Depends(MachineMFA(scopes="admin", nonce=True, body=True))])
        @required(scopes="admin")
        def endpoint(machine: CurrentMachine, optional: OptionalMachine) -> Any:
            return [machine is UNPROVEN, machine.id, sorted(machine.scopes), optional]

        assert plain(app).get("/").json() == [True, "", [], None]

    def test_report_mode_tells_what_a_dependency_would_refuse(self) -> None:
        setup = Setup(mode="report")
        app = app_of(setup)
        app.get("/", dependencies=[Depends(MachineMFA(scopes="admin"))])(health)
        assert setup.client(app).get("/").status_code == 200
        assert setup.kinds() == ["accepted", "would_refuse scope_denied"]

    def test_a_replayed_proof_gives_no_machine_in_report_mode(self) -> None:
        setup = Setup(mode="report")
        app = app_of(setup)

        @app.get("/")
        def endpoint(machine: OptionalMachine) -> Any:
            return machine and machine.id

        headers = setup.signed("/")
        assert [plain(app).get("/", headers=headers).json() for _ in range(2)] == ["depot", None]

    def test_a_share_of_the_credentials_is_not_refused_by_routes_either(self) -> None:
        setup = Setup(mode="enforce:0%")
        app = app_of(setup)
        app.get("/", dependencies=[Depends(MachineMFA(scopes="admin"))])(health)
        assert setup.client(app).get("/").status_code == 200

    def test_no_machine_has_the_id_of_the_unproven_one(self) -> None:
        from mfa_middleware.machines.fields import machine_id

        with pytest.raises(ValueError, match="write 1 to 64"):
            machine_id(UNPROVEN.id)


class TestDependency:
    @pytest.mark.parametrize(
        ("demands", "bound", "unbound"),
        [
            ({"query": True}, {}, {"bind_query": False}),
            ({"body": True}, {}, {"bind_body": False}),
        ],
        ids=["query", "body"],
    )
    def test_it_demands_what_the_proof_binds(self, setup: Setup, demands: Any, bound: Any, unbound: Any) -> None:
        app = app_of(setup)
        app.post("/", dependencies=[Depends(MachineMFA(**demands))])(health)
        answers = [setup.client(app, **o).post("/?q=1", content=b"abc").status_code for o in (bound, unbound)]
        assert answers == [200, 401]

    @pytest.mark.parametrize(
        ("demands", "status", "code"),
        [
            ({"scopes": "admin"}, 403, "scope_denied"),
            ({"scopes": ["read", "admin"]}, 403, "scope_denied"),
            ({"networks": "10.0.0.0/8"}, 403, "machine_inactive"),
            ({"nonce": True}, 401, "use_dpop_nonce"),
        ],
    )
    def test_its_refusals_are_those_of_the_middleware(self, setup: Setup, demands: Any, status: int, code: str) -> None:
        app = app_of(setup)
        app.get("/", dependencies=[Depends(MachineMFA(**demands))])(health)
        answer = plain(app).get("/", headers=setup.signed("/"))
        assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        assert ("dpop-nonce" in answer.headers) == (code == "use_dpop_nonce")
        assert ("www-authenticate" in answer.headers) == (code != "machine_inactive")
        assert [kind for kind in setup.kinds() if kind.startswith("refused")] == [f"refused {code}"]

    def test_the_whole_app_a_router_and_a_route_may_each_demand_something(self, setup: Setup) -> None:
        app = app_of(setup, dependencies=[Depends(MachineMFA(scopes="read"))])
        router = APIRouter(prefix="/in", dependencies=[Depends(MachineMFA(scopes="write"))])
        router.get("/one")(health)
        router.get("/two", dependencies=[Depends(MachineMFA(scopes="admin"))])(health)
        app.include_router(router)
        client = setup.client(app)
        assert [client.get(path).status_code for path in ("/in/one", "/in/two")] == [200, 403]
        setup.machine.change(scopes=frozenset({"write"}))
        assert client.get("/in/one").status_code == 403

    def test_security_collects_scopes_for_it(self, setup: Setup) -> None:
        app, mfa = app_of(setup), MachineMFA()

        def user(machine: Any = Security(mfa)) -> Any:  # noqa: B008 - a default, because mfa is local
            return machine

        app.get("/mine", dependencies=[Security(mfa, scopes=["read"])])(health)
        app.get("/other", dependencies=[Security(mfa, scopes=["admin"])])(health)
        app.get("/nested", dependencies=[Security(user, scopes=["admin"])])(health)
        client = setup.client(app)
        assert [client.get(path).status_code for path in ("/mine", "/other", "/nested")] == [200, 403, 403]

    def test_it_is_asked_before_the_arguments_are_judged(self, setup: Setup) -> None:
        app = app_of(setup)

        @app.get("/{number}", dependencies=[Depends(MachineMFA(scopes="admin"))])
        def endpoint(number: int) -> int:
            return number

        assert setup.client(app).get("/word").json()["code"] == "scope_denied"

    @pytest.mark.parametrize("kind", ["bytes", "json", "form"])
    def test_the_body_is_whole_whatever_reads_it(self, setup: Setup, kind: str) -> None:
        app = app_of(setup)

        @app.post("/bytes", dependencies=[Depends(MachineMFA(body=True))])
        async def as_bytes(request: Request) -> str:
            return (await request.body()).decode()

        @app.post("/json", dependencies=[Depends(MachineMFA(body=True))])
        def as_json(value: dict[str, str]) -> str:
            return value["name"]

        @app.post("/form", dependencies=[Depends(MachineMFA(body=True))])
        async def as_form(request: Request) -> str:
            return "".join([chunk.decode() async for chunk in request.stream()])

        sent: Any = {"bytes": {"content": b"x"}, "json": {"json": {"name": "x"}}, "form": {"data": {"name": "x"}}}[kind]
        assert setup.client(app).post(f"/{kind}", **sent).json() == ("name=x" if kind == "form" else "x")
        assert setup.client(app, bind_body=False).post(f"/{kind}", **sent).json()["code"] == "wrong_digest"

    def test_an_empty_body_needs_no_digest_whether_it_was_read_or_not(self, setup: Setup) -> None:
        app = app_of(setup)

        @app.post("/read", dependencies=[Depends(MachineMFA(body=True))])
        def read(value: dict[str, str] | None = None) -> Any:
            return value

        app.post("/unread", dependencies=[Depends(MachineMFA(body=True))])(health)
        client = setup.client(app, bind_body=False)
        assert [client.post(path).status_code for path in ("/read", "/unread")] == [200, 200]

    def test_a_body_that_comes_late_is_waited_for(self, setup: Setup) -> None:
        app = app_of(setup)
        app.post("/", dependencies=[Depends(MachineMFA(body=True))])(health)
        late = setup.call("/", "POST")
        late.incoming = body_parts(b"", b"", b"x")
        assert late.run(app).json["code"] == "wrong_digest"

    def test_without_the_middleware_it_fails_closed_and_says_what_to_write(self) -> None:
        app = FastAPI()
        app.get("/dependency", dependencies=[Depends(MachineMFA())])(health)
        app.get("/mark")(required()(health))

        @app.get("/argument")
        def argument(machine: OptionalMachine) -> Any:
            return machine

        for path in ("/dependency", "/mark", "/argument"):
            with pytest.raises(ConfigurationError, match=r"app\.add_middleware\(MFAMiddleware\)"):
                plain(app).get(path)
            assert plain(app, raise_server_exceptions=False).get(path).status_code == 500

    def test_a_wrong_word_is_told_where_it_is_written(self) -> None:
        with pytest.raises(ConfigurationError, match="CIDR"):
            MachineMFA(networks="10.0.0.0/99")


class TestRefusals:
    """Whatever the app has set up, a refusal comes out as it is."""

    def test_handlers_of_the_app_do_not_change_it(self, setup: Setup) -> None:
        app = app_of(setup)
        app.get("/", dependencies=[Depends(MachineMFA(scopes="admin"))])(health)
        for kind in (HTTPException, Exception, RequestValidationError, 403):
            app.exception_handler(kind)(lambda *_: JSONResponse("all is well"))
        answer = setup.client(app).get("/")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_denied")

    def test_a_dependency_that_cleans_up_runs_and_does_not_change_it(self, setup: Setup) -> None:
        ends: list[str] = []

        def resource() -> Iterator[int]:
            try:
                yield 1
            finally:
                ends.append("cleaned up")

        app = app_of(setup)
        app.get("/", dependencies=[Depends(resource), Depends(MachineMFA(scopes="admin"))])(health)
        assert setup.client(app).get("/").json()["code"] == "scope_denied"
        assert ends == ["cleaned up"]

    def test_a_mounted_app_does_not_change_it(self, setup: Setup) -> None:
        app, sub = app_of(setup), FastAPI()
        sub.get("/", dependencies=[Depends(MachineMFA(scopes="admin"))])(health)
        sub.get("/mine", dependencies=[Depends(MachineMFA(scopes="read"))])(health)
        app.mount("/sub", sub)
        client = setup.client(app)
        assert client.get("/sub/").json()["code"] == "scope_denied"
        assert client.get("/sub/mine").status_code == 200

    def test_no_code_of_the_endpoint_runs(self, setup: Setup) -> None:
        ran: list[str] = []
        app = app_of(setup)

        @app.get("/", dependencies=[Depends(MachineMFA(scopes="admin"))])
        def endpoint() -> None:
            ran.append("ran")

        setup.client(app).get("/")
        assert ran == []


class TestMarks:
    def test_they_are_found_however_routers_are_nested(self, setup: Setup) -> None:
        inner, middle, late = APIRouter(), APIRouter(prefix="/b"), APIRouter()
        inner.get("/health")(exempt(health))
        inner.get("/orders")(health)
        middle.include_router(inner, prefix="/c")
        app, sub = app_of(setup), FastAPI()
        app.include_router(middle, prefix="/a")
        app.include_router(inner)
        sub.include_router(middle)
        app.mount("/sub", sub)
        app.include_router(late, prefix="/late")
        late.get("/health")(exempt(health))
        client = plain(app)
        for base in ("/a/b/c", "", "/sub/b/c"):
            assert [client.get(f"{base}/{name}").status_code for name in ("health", "orders")] == [200, 401], base
        assert client.get("/late/health").status_code == 200

    def test_a_router_may_hold_routes_of_starlette_mounts_and_hosts(self, setup: Setup) -> None:
        router, sub = APIRouter(), FastAPI()
        sub.get("/health")(exempt(health))
        router.add_route("/plain", exempt(lambda request: PlainTextResponse("ok")))
        router.mount("/mount", sub)
        app = app_of(setup)
        app.include_router(router, prefix="/in")
        app.router.routes.append(Host("other", app=sub))
        client = plain(app)
        assert [client.get(path).status_code for path in ("/in/plain", "/in/mount/health")] == [200, 200]
        assert client.get("/in/mount/docs").status_code == 401
        assert client.get("/health", headers={"Host": "other"}).status_code == 200

    def test_api_route_and_routes_with_several_methods(self, setup: Setup) -> None:
        app = app_of(setup)
        app.api_route("/both", methods=["GET", "PUT"])(exempt(health))
        app.post("/both")(health)
        client = plain(app)
        assert [client.request(method, "/both").status_code for method in ("GET", "PUT", "POST", "DELETE")] == [
            200,
            200,
            401,
            401,
        ]

    def test_an_exemption_is_the_last_word_over_what_its_routers_demand(self, setup: Setup) -> None:
        app = app_of(setup, dependencies=[Depends(MachineMFA(scopes="admin"))])
        app.get("/health")(exempt(health))
        app.get("/beta")(required(report_only=True)(health))
        app.get("/orders")(health)
        client = plain(app)
        assert [client.get(path).status_code for path in ("/health", "/beta", "/orders")] == [200, 200, 401]

    def test_required_demands_every_word(self, setup: Setup) -> None:
        app = app_of(setup)
        for name, words in {
            "scopes": {"scopes": "admin"},
            "networks": {"networks": ["10.0.0.0/8"]},
            "query": {"query": True},
            "body": {"body": True},
        }.items():
            app.post(f"/{name}")(required(**words)(health))  # type: ignore[arg-type]
        client = setup.client(app, bind_query=False, bind_body=False)
        codes = [
            client.post(f"/{name}?a=1", content=b"x").json()["code"] for name in ("scopes", "networks", "query", "body")
        ]
        assert codes == ["scope_denied", "machine_inactive", "wrong_target", "wrong_digest"]

    def test_loosening_words(self, setup: Setup) -> None:
        app = app_of(setup)

        @app.get("/beta")
        @required(report_only=True)
        def beta(machine: OptionalMachine) -> Any:
            return machine and machine.id

        @app.get("/heartbeat")
        @required(credential=False)
        def heartbeat(machine: CurrentMachine) -> Any:
            return machine.id

        assert plain(app).get("/beta").json() is None
        assert setup.client(app).get("/beta").json() == "depot"
        own = setup.client(app)
        own.headers.pop("x-api-key")
        assert own.get("/heartbeat").json() == "depot"

    def test_the_stricter_of_two_marks_holds(self, setup: Setup) -> None:
        app = app_of(setup)
        app.get("/")(required(scopes="read")(required(scopes="admin")(health)))
        app.get("/exempt")(exempt(required()(health)))
        assert setup.client(app).get("/").json()["code"] == "scope_denied"
        setup.machine.change(scopes=frozenset({"read", "admin"}))
        assert setup.client(app).get("/").status_code == 200
        assert plain(app).get("/exempt").status_code == 401

    def test_an_endpoint_keeps_its_arguments_where_annotations_are_text(self, setup: Setup) -> None:
        app = app_of(setup)
        app.include_router(future_router, prefix="/v1")
        client = setup.client(app)
        answer = client.post("/v1/orders/7?size=3", json={"text": "hello"}, headers={"note": "n"})
        assert answer.json() == {
            "machine": "depot",
            "order": 7,
            "text": "hello",
            "size": 3,
            "note": "n",
            "path": "/v1/orders/7",
        }
        assert client.post("/v1/orders/0", json={}).status_code == 422
        assert client.get("/v1/sync?size=3").json() == {"size": 3}
        assert plain(app).get("/v1/open/x?late=y").json()["note"] == "y"

    def test_an_endpoint_stays_what_it_was(self) -> None:
        def sync(number: int = 1, **rest: str) -> dict[str, Any]:
            return {"number": number, **rest}

        async def in_the_loop() -> None: ...

        marked = required(scopes="read")(sync)
        assert (marked.__name__, marked.__doc__) == ("sync", None)
        assert not inspect.iscoroutinefunction(marked)
        assert inspect.iscoroutinefunction(required()(in_the_loop))
        assert [name for name in inspect.signature(marked).parameters if not name.startswith("mfa_")] == [
            "number",
            "rest",
        ]
        assert sync(2, a="b") == {"number": 2, "a": "b"}

    def test_a_sync_endpoint_stays_in_a_thread(self, setup: Setup) -> None:
        import threading

        app = app_of(setup)

        @app.get("/")
        @required(scopes="read")
        def endpoint() -> bool:
            return threading.current_thread() is threading.main_thread()

        @app.get("/thread")
        def bare() -> str:
            return threading.current_thread().name

        assert setup.client(app).get("/").json() is False
        assert "worker" in setup.client(app).get("/thread").json().lower()

    def test_a_streaming_endpoint_streams(self, setup: Setup) -> None:
        from fastapi.responses import StreamingResponse

        app = app_of(setup)

        async def parts() -> AsyncIterator[bytes]:
            yield b"a"
            yield b"b"

        @app.get("/")
        @required(scopes="read")
        def endpoint() -> StreamingResponse:
            return StreamingResponse(parts())

        assert setup.client(app).get("/").text == "ab"

    def test_a_marked_endpoint_as_a_route_of_starlette_holds_by_itself(self, setup: Setup) -> None:
        def endpoint(request: Request) -> Response:
            return PlainTextResponse("ok")

        class Endpoint(HTTPEndpoint):
            async def get(self, request: Request) -> Response:
                return PlainTextResponse("ok")

        app = app_of(setup)
        app.router.routes += [
            Route("/function", required(scopes="admin")(endpoint)),
            Route("/class", required(scopes="admin")(Endpoint)),
            Route("/mine", required(scopes="read")(endpoint)),
        ]
        client = setup.client(app)
        assert [client.get(path).status_code for path in ("/function", "/class", "/mine")] == [403, 403, 200]

    def test_a_call_without_a_request_is_no_way_around(self, setup: Setup) -> None:
        with pytest.raises(ConfigurationError, match="without a request"):
            required(scopes="admin")(health)()


class TestWebSockets:
    def app(self, setup: Setup) -> FastAPI:
        app, router = app_of(setup), APIRouter()

        @router.websocket("/feed")
        async def feed(websocket: WebSocket, machine: CurrentMachine) -> None:
            await websocket.accept()
            await websocket.send_json({"machine": machine.id})
            await websocket.close()

        router.websocket("/dependency", dependencies=[Depends(MachineMFA(scopes="admin", body=True))])(feed)
        router.websocket("/mark")(required(scopes="admin")(feed))
        router.websocket("/open")(exempt(feed))
        app.include_router(router, prefix="/ws")
        return app

    def test_the_machine_comes_as_an_argument(self, setup: Setup) -> None:
        with setup.client(self.app(setup)).websocket_connect("/ws/feed") as socket:
            assert socket.receive_json() == {"machine": "depot"}

    @pytest.mark.parametrize("path", ["/ws/dependency", "/ws/mark"])
    def test_a_socket_is_refused_as_http(self, setup: Setup, path: str) -> None:
        with pytest.raises(WebSocketDenialResponse) as refused:
            setup.client(self.app(setup)).websocket_connect(path).__enter__()
        assert (refused.value.status_code, refused.value.json()["code"]) == (403, "scope_denied")
        setup.machine.change(scopes=frozenset({"admin"}))
        with setup.client(self.app(setup)).websocket_connect(path) as socket:
            assert socket.receive_json() == {"machine": "depot"}

    def test_an_exempt_socket_needs_no_proof(self, setup: Setup) -> None:
        with plain(self.app(setup)).websocket_connect("ws://localhost/ws/open") as socket:
            assert socket.receive_json() == {"machine": ""}


class TestOpenAPI:
    def schema(self, setup: Setup) -> Any:
        app = app_of(setup)
        app.get("/dependency", dependencies=[Depends(MachineMFA(scopes="read"))])(health)
        app.get("/security", dependencies=[Security(MachineMFA(), scopes=["read"])])(health)
        app.get("/mark")(required(scopes="read")(health))
        app.get("/exempt")(exempt(health))

        @app.get("/machine")
        def machine(machine: CurrentMachine, optional: OptionalMachine, q: int = 1) -> None: ...

        return app.openapi()

    def test_the_scheme_stands_in_the_document_once(self, setup: Setup) -> None:
        schemes = self.schema(setup)["components"]["securitySchemes"]
        assert list(schemes) == ["MachineMFA"]
        assert {name: schemes["MachineMFA"][name] for name in ("type", "in", "name")} == {
            "type": "apiKey",
            "in": "header",
            "name": "DPoP",
        }
        assert "RFC 9449" in schemes["MachineMFA"]["description"]

    def test_every_route_that_asks_for_a_machine_says_so_and_no_other(self, setup: Setup) -> None:
        paths = self.schema(setup)["paths"]
        assert paths["/dependency"]["get"]["security"] == [{"MachineMFA": []}]
        assert paths["/security"]["get"]["security"] == [{"MachineMFA": ["read"]}]
        assert paths["/mark"]["get"]["security"] == [{"MachineMFA": []}]
        assert paths["/machine"]["get"]["security"] == [{"MachineMFA": []}]
        assert "security" not in paths["/exempt"]["get"]

    def test_a_mark_adds_nothing_else_to_the_document(self, setup: Setup) -> None:
        paths = self.schema(setup)["paths"]
        assert [parameter["name"] for parameter in paths["/machine"]["get"]["parameters"]] == ["q"]
        for path in ("/mark", "/exempt"):
            assert "parameters" not in paths[path]["get"]
            assert "requestBody" not in paths[path]["get"]

    def test_the_docs_are_checked_like_any_route_and_render(self, setup: Setup) -> None:
        app = app_of(setup)
        assert plain(app).get("/docs").status_code == 401
        assert "swagger-ui" in setup.client(app).get("/docs").text
        assert setup.client(app).get("/openapi.json").json()["openapi"].startswith("3.")


def test_the_middleware_is_one_line(tmp_path: Any) -> None:
    app = FastAPI(middleware=[Middleware(MFAMiddleware, machines=str(tmp_path / "m.json"), replay_store="memory:")])
    app.get("/")(health)
    assert TestClient(app).get("/").json()["code"] == "missing_credential"
