from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Host, Mount, Route, Router
from starlette.testclient import TestClient

from mfa_middleware.asgi import MFAMiddleware, exempt, required
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.testing import enrolled, signed_client
from tests.helpers.asgi import GONE, Call, body_parts, scope_of

from .setup import KEY, Setup, plain


@pytest.fixture
def setup() -> Setup:
    return Setup()


def ok(_: Request) -> Response:
    return PlainTextResponse("ok")


async def ok_async(_: Request) -> Response:
    return PlainTextResponse("ok")


async def who(request: Request) -> Response:
    user = request.user
    return JSONResponse(
        {
            "machine": getattr(request.state.mfa.machine, "id", None),
            "user": user.display_name,
            "is_authenticated": user.is_authenticated,
            "scopes": request.auth.scopes,
        }
    )


async def echo(request: Request) -> Response:
    chunks = [chunk async for chunk in request.stream() if chunk]
    return JSONResponse({"body": b"".join(chunks).decode(), "chunks": len(chunks)})


class TestIdentity:
    def test_the_machine_is_the_user_and_its_scopes_are_the_scopes_of_the_request(self, setup: Setup) -> None:
        answer = setup.client(setup.app(Route("/", who))).get("/")
        assert answer.json() == {
            "machine": "depot",
            "user": "The depot",
            "is_authenticated": True,
            "scopes": ["read", "write"],
        }

    def test_an_exempt_request_has_no_user(self, setup: Setup) -> None:
        answer = plain(setup.app(Route("/", exempt(who)))).get("/")
        assert answer.json() == {"machine": None, "user": "", "is_authenticated": False, "scopes": []}

    def test_a_refusal_that_is_only_reported_makes_nobody_a_user(self) -> None:
        setup = Setup(mode="report")
        setup.machine.pause()
        answer = setup.client(setup.app(Route("/", who))).get("/").json()
        assert (answer["user"], answer["is_authenticated"], answer["scopes"]) == ("", False, [])
        assert setup.kinds() == ["would_refuse machine_inactive"]

    @pytest.mark.parametrize(("scope", "status"), [("read", 200), ("admin", 403)])
    def test_requires_of_starlette_asks_for_scopes_of_the_machine(self, setup: Setup, scope: str, status: int) -> None:
        @requires(scope)
        def endpoint(request: Request) -> Response:
            return PlainTextResponse("ok")

        assert setup.client(setup.app(Route("/", endpoint))).get("/").status_code == status

    @pytest.mark.parametrize("place", ["inside", "outside"])
    def test_the_user_of_another_authentication_stays(self, setup: Setup, place: str) -> None:
        class Backend(AuthenticationBackend):
            async def authenticate(self, _: Any) -> tuple[AuthCredentials, SimpleUser]:
                return AuthCredentials(["human"]), SimpleUser("ada")

        others: Any = {place: (Middleware(AuthenticationMiddleware, backend=Backend()),)}
        answer = setup.client(setup.app(Route("/", who), **others)).get("/").json()
        assert (answer["user"], answer["scopes"], answer["machine"]) == ("ada", ["human"], "depot")


class TestExempt:
    class Health(HTTPEndpoint):
        async def get(self, _: Request) -> Response:
            return PlainTextResponse("ok")

    @pytest.mark.parametrize(
        "endpoint",
        [exempt(ok), exempt(ok_async), exempt(type("Marked", (Health,), {})), functools.partial(exempt(ok))],
        ids=["sync", "async", "class", "partial"],
    )
    def test_an_exempt_endpoint_asks_for_nothing(self, setup: Setup, endpoint: Any) -> None:
        assert plain(setup.app(Route("/", endpoint))).get("/").text == "ok"

    def test_an_exempt_endpoint_needs_no_middleware(self) -> None:
        assert plain(Starlette(routes=[Route("/", exempt(ok))])).get("/").text == "ok"

    def test_the_same_function_elsewhere_is_not_exempt(self, setup: Setup) -> None:
        client = plain(setup.app(Route("/health", exempt(ok)), Route("/orders", ok)))
        assert [client.get(path).status_code for path in ("/health", "/orders")] == [200, 401]

    def test_a_subclass_of_an_exempt_class_is_not_exempt(self, setup: Setup) -> None:
        marked = exempt(type("Marked", (self.Health,), {}))
        subclass = type("Subclass", (marked,), {})
        assert plain(setup.app(Route("/", subclass))).get("/").status_code == 401

    def test_a_method_alone_cannot_be_exempt(self, setup: Setup) -> None:
        class Orders(HTTPEndpoint):
            @exempt
            async def get(self, _: Request) -> Response:
                return PlainTextResponse("ok")

        assert plain(setup.app(Route("/", Orders))).get("/").status_code == 401

    @pytest.mark.parametrize(
        "routes",
        [
            (Mount("/in", routes=[Mount("/deep", routes=[Route("/health", exempt(ok))])]),),
            (Mount("/in", app=Starlette(routes=[Mount("/deep", app=Router([Route("/health", exempt(ok))]))])),),
            (Host("localhost", app=Router([Route("/in/deep/health", exempt(ok))])),),
            (Mount("/in/deep", app=exempt(Router([Route("/health", ok)]))),),
        ],
        ids=["mounts", "apps", "host", "mounted app"],
    )
    def test_a_mark_below_mounts_hosts_and_apps_is_found(self, setup: Setup, routes: Any) -> None:
        client = plain(setup.app(*routes, Route("/orders", ok)))
        assert [client.get(path).status_code for path in ("/in/deep/health", "/orders")] == [200, 401]

    def test_the_mark_of_an_endpoint_is_nearer_than_that_of_the_app_it_is_mounted_in(self, setup: Setup) -> None:
        app = setup.app(Mount("/in", app=exempt(Router([Route("/a", ok), Route("/b", required(scopes="read")(ok))]))))
        assert [plain(app).get(path).status_code for path in ("/in/a", "/in/b")] == [200, 401]
        assert setup.client(app).get("/in/b").status_code == 200

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/health"),
            ("GET", "/health/"),
            ("GET", "/health?x=/health"),
            ("GET", "/healthy"),
            ("GET", "/nope"),
            ("GET", "//health"),
            ("GET", "/a/../health"),
            ("GET", "/%2Fhealth"),
        ],
    )
    def test_what_only_resembles_an_exempt_route_is_checked(self, setup: Setup, method: str, path: str) -> None:
        call = Call(scope_of(path, method)).run(setup.app(Route("/health", exempt(ok)), Route("/{rest:path}", ok)))
        assert call.status == (200 if "?" in path else 401)

    def test_a_path_that_two_parties_read_differently_is_never_exempt(self, setup: Setup) -> None:
        app = setup.app(Route("/files/{name:path}", exempt(ok)))
        raw = [b"/files/a", b"/files//a", b"/files/a%2Fb", b"/files/../a", b"/files/a%5Cb", b"/files/a%00"]
        calls = [Call(scope_of("/files/a", raw_path=path)).run(app) for path in raw]
        assert [call.status for call in calls] == [200, 401, 401, 401, 401, 401]

    def test_a_path_that_a_converter_chokes_on_is_refused_like_any_other(self, setup: Setup) -> None:
        app = setup.app(Route("/{number:int}", exempt(ok)))
        assert Call(scope_of("/" + "9" * 5_000)).run(app).status == 401

    def test_the_setting_exempts_paths_without_a_mark(self) -> None:
        client = plain(Setup(exempt="/health").app(Route("/health", ok), Route("/orders", ok)))
        assert [client.get(path).status_code for path in ("/health", "/orders")] == [200, 401]

    def test_what_is_no_endpoint_cannot_be_marked(self) -> None:
        with pytest.raises(ConfigurationError, match="mark endpoints"):
            exempt("health")  # type: ignore[type-var]


class TestWhereTheMarksAre:
    def test_a_middleware_around_the_app_finds_the_marks_within(self, setup: Setup) -> None:
        inner = CORSMiddleware(Starlette(routes=[Route("/health", exempt(ok)), Route("/orders", ok)]))
        client = plain(MFAMiddleware(inner, service=setup.service))
        assert [client.get(path).status_code for path in ("/health", "/orders")] == [200, 401]

    def test_a_mounted_app_is_not_taken_for_the_app_that_it_is_mounted_in(self, setup: Setup) -> None:
        inner = MFAMiddleware(Starlette(routes=[Route("/health", ok)]), service=setup.service)
        client = plain(Starlette(routes=[Route("/health", exempt(ok)), Mount("/in", app=inner)]))
        assert [client.get(path).status_code for path in ("/health", "/in/health")] == [200, 401]

    def test_marks_behind_a_middleware_that_hides_its_app_do_not_count(self, setup: Setup) -> None:
        class Hiding:
            def __init__(self, app: Any) -> None:
                self.hidden = app

            async def __call__(self, *call: Any) -> None:
                await self.hidden(*call)

        app = setup.app(Route("/", exempt(ok)), inside=(Middleware(Hiding),))
        assert plain(app).get("/").status_code == 401

    def test_a_request_that_another_middleware_sends_elsewhere_is_held_by_the_route_that_runs(
        self, setup: Setup
    ) -> None:
        class Rewriting:
            def __init__(self, app: Any) -> None:
                self.app = app

            async def __call__(self, scope: Any, *rest: Any) -> None:
                await self.app({**scope, "path": "/orders"}, *rest)

        routes = (Route("/health", exempt(ok)), Route("/orders", required(scopes="read")(who)))
        app = setup.app(*routes, inside=(Middleware(Rewriting),))
        assert plain(app).get("/health").status_code == 401
        assert setup.client(app).get("/health").json()["machine"] == "depot"

    def test_routes_that_are_added_later_are_found(self, setup: Setup) -> None:
        app = setup.app(Route("/orders", ok))
        client = plain(app)
        assert client.get("/health").status_code == 401
        app.router.routes.append(Route("/health", exempt(ok)))
        assert client.get("/health").status_code == 200

    def test_an_app_without_routes_is_checked(self, setup: Setup) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("ok")(scope, receive, send)

        wrapped = MFAMiddleware(app, service=setup.service)
        assert plain(wrapped).get("/").status_code == 401
        assert setup.client(wrapped).get("/").text == "ok"


def sync_endpoint(request: Request) -> Response:
    return PlainTextResponse("ok")


async def async_endpoint(request: Request) -> Response:
    return PlainTextResponse("ok")


def marked_class(mark: Callable[[Any], Any]) -> Any:
    class Endpoint(HTTPEndpoint):
        async def get(self, request: Request) -> Response:
            return PlainTextResponse("ok")

        async def post(self, request: Request) -> Response:
            return PlainTextResponse((await request.body()).decode())

    return mark(Endpoint)


def marked_method(mark: Callable[[Any], Any]) -> Any:
    class Endpoint(HTTPEndpoint):
        @mark
        async def get(self, request: Request) -> Response:
            return PlainTextResponse("ok")

    return Endpoint


KINDS: dict[str, Callable[[Callable[[Any], Any]], Any]] = {
    "sync": lambda mark: mark(sync_endpoint),
    "async": lambda mark: mark(async_endpoint),
    "partial": lambda mark: mark(functools.partial(async_endpoint)),
    "class": marked_class,
    "method": marked_method,
}


class TestRequired:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_machine_with_the_scopes_comes_through_and_one_without_does_not(self, setup: Setup, kind: str) -> None:
        app = setup.app(
            Route("/mine", KINDS[kind](required(scopes="read write"))),
            Route("/other", KINDS[kind](required(scopes="admin"))),
        )
        client = setup.client(app)
        assert client.get("/mine").text == "ok"
        answer = client.get("/other")
        assert answer.status_code == 403
        assert answer.json()["code"] == "scope_denied"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith('DPoP error="insufficient_scope"')
        assert [kind for kind in setup.kinds() if kind.startswith("refused")] == ["refused scope_denied"]

    @pytest.mark.parametrize("kind", KINDS)
    def test_without_the_middleware_it_fails_closed_and_says_what_to_write(self, kind: str) -> None:
        app = Starlette(routes=[Route("/", KINDS[kind](required()))])
        with pytest.raises(ConfigurationError, match=r"app\.add_middleware\(MFAMiddleware\)"):
            plain(app).get("/")
        assert TestClient(app, raise_server_exceptions=False).get("/").status_code == 500

    def test_a_body_that_is_not_bound_is_refused_and_an_empty_one_is_not(self, setup: Setup) -> None:
        app = setup.app(Route("/", marked_class(required(body=True))))
        client = setup.client(app, bind_body=False)
        assert client.post("/").status_code == 200
        refused = client.post("/", content=b"abc")
        assert (refused.status_code, refused.json()["code"], refused.json()["missing_claim"]) == (
            401,
            "wrong_digest",
            "htd",
        )
        assert setup.client(app).post("/", content=b"abc").text == "abc"

    def test_an_empty_body_may_come_in_pieces(self, setup: Setup) -> None:
        app = setup.app(Route("/", required(body=True)(echo), methods=["POST"]))
        empty, full = setup.call("/", "POST"), setup.call("/", "POST")
        empty.incoming = body_parts(b"", b"", b"")
        full.incoming = body_parts(b"", b"a", b"b")
        assert empty.run(app).status == 200
        assert full.run(app).status == 401

    def test_a_query_that_is_not_bound_is_refused(self, setup: Setup) -> None:
        app = setup.app(Route("/", required(query=True)(ok)))
        assert setup.client(app).get("/?a=1").status_code == 200
        refused = setup.client(app, bind_query=False).get("/?a=1")
        assert (refused.json()["code"], refused.json()["missing_claim"]) == ("wrong_target", "htq")

    @pytest.mark.parametrize("mode", ["recover", "off"])
    def test_a_nonce_is_demanded_given_and_taken(self, mode: str) -> None:
        setup = Setup(nonce=mode)
        app = setup.app(Route("/", required(nonce=True)(ok)))
        refused = setup.call("/").run(app)
        assert (refused.status, refused.json["code"]) == (401, "use_dpop_nonce")
        assert dict(refused.sent[0]["headers"])[b"dpop-nonce"]
        assert setup.client(app).get("/").status_code == 200

    def test_networks_say_where_the_machine_must_call_from(self, setup: Setup) -> None:
        app = setup.app(
            Route("/in", required(networks="127.0.0.0/8")(ok)), Route("/out", required(networks="10.0.0.0/8")(ok))
        )
        client = setup.client(app)
        assert client.get("/in").status_code == 200
        refused = client.get("/out")
        assert (refused.status_code, refused.json()["code"]) == (403, "machine_inactive")

    def test_report_only_refuses_nothing_and_tells_it(self, setup: Setup) -> None:
        app = setup.app(Route("/beta", required(report_only=True, scopes="admin")(who)), Route("/orders", ok))
        assert plain(app).get("/beta").json()["machine"] is None
        assert setup.kinds() == ["would_refuse missing_proof"]
        assert plain(app).get("/orders").status_code == 401

    def test_a_proof_can_be_the_only_factor(self, setup: Setup) -> None:
        app = setup.app(Route("/heartbeat", required(credential=False)(who)), Route("/orders", ok))
        client = signed_client(app, setup.machine)
        assert client.get("/heartbeat").json()["machine"] == "depot"
        assert client.get("/orders").json()["code"] == "missing_credential"
        assert TestClient(app, base_url="http://localhost").get("/heartbeat").json()["code"] == "missing_proof"

    def test_the_stricter_of_two_marks_holds(self, setup: Setup) -> None:
        both = required(scopes="read", report_only=True)(required(scopes="admin")(ok))
        assert setup.client(setup.app(Route("/", both))).get("/").status_code == 403
        assert plain(setup.app(Route("/", exempt(required()(ok))))).get("/").status_code == 401

    def test_the_function_itself_stays_as_it_was(self, setup: Setup) -> None:
        app = setup.app(Route("/admin", required(scopes="admin")(ok)), Route("/", ok))
        assert [setup.client(app).get(path).status_code for path in ("/admin", "/")] == [403, 200]

    def test_only_what_can_hold_a_request_can_be_marked(self) -> None:
        with pytest.raises(ConfigurationError, match="HTTPEndpoint"):
            required(scopes="read")(Router())
        with pytest.raises(ConfigurationError, match="CIDR"):
            required(networks="here")

    def test_a_call_without_a_request_is_no_way_around(self) -> None:
        with pytest.raises(ConfigurationError, match="without a request"):
            required()(lambda: "ok")()


class TestRefusals:
    @pytest.mark.parametrize("code", [HTTPException, 403, 401, Exception])
    def test_handlers_of_the_app_do_not_change_a_refusal(self, setup: Setup, code: Any) -> None:
        async def handler(_: Request, __: Exception) -> Response:
            return PlainTextResponse("all is well", 200)

        app = setup.app(Route("/", required(scopes="admin")(ok)), exception_handlers={code: handler})
        answer = setup.client(app).get("/")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_denied")

    def test_an_endpoint_that_catches_everything_does_not_change_a_refusal(self, setup: Setup) -> None:
        held = required(scopes="admin")(async_endpoint)

        async def endpoint(request: Request) -> Response:
            try:
                return await held(request)
            except Exception:
                return PlainTextResponse("all is well")

        answer = setup.client(setup.app(Route("/", endpoint))).get("/")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_denied")

    def test_an_app_that_answers_nothing_does_not_change_a_refusal(self, setup: Setup) -> None:
        from mfa_middleware.asgi_exchange import hold
        from mfa_middleware.route import required as route

        async def app(scope: Any, receive: Any, send: Any) -> None:
            try:
                await hold(scope, route(scopes="admin"))
            except HTTPException:
                return

        assert setup.client(MFAMiddleware(app, service=setup.service)).get("/").status_code == 403

    def test_a_sub_app_with_its_own_handlers_does_not_change_a_refusal(self, setup: Setup) -> None:
        sub = Starlette(routes=[Route("/", required(scopes="admin")(ok))], debug=True)
        answer = setup.client(setup.app(Mount("/sub", app=sub))).get("/sub/")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_denied")

    def test_a_middleware_within_sees_an_answer_and_not_an_exception(self, setup: Setup) -> None:
        seen = []

        class Watching(BaseHTTPMiddleware):
            async def dispatch(self, request: Request, call_next: Any) -> Response:
                response: Response = await call_next(request)
                seen.append(response.status_code)
                return response

        app = setup.app(Route("/", required(scopes="admin")(ok)), inside=(Middleware(Watching),))
        assert setup.client(app).get("/").json()["code"] == "scope_denied"
        assert seen == [403]

    def test_an_error_of_the_app_stays_an_error(self, setup: Setup) -> None:
        def failing(_: Request) -> Response:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            setup.client(setup.app(Route("/", failing))).get("/")

    def test_an_accepted_answer_brings_a_new_nonce_when_the_old_one_ages(self, setup: Setup) -> None:
        app = setup.app(Route("/", required(nonce=True)(ok)))
        client = setup.client(app)
        assert "dpop-nonce" not in client.get("/").headers
        setup.clock.advance(61)
        assert "dpop-nonce" in client.get("/").headers
        assert "dpop-nonce" not in client.get("/").headers


ORIGIN = {"Origin": "https://ui.example"}


def policy(**options: Any) -> Middleware:
    return Middleware(CORSMiddleware, allow_origins=[ORIGIN["Origin"]], **options)


class TestCors:
    def test_a_refusal_can_be_read_by_a_script_where_cors_stands_outside(self, setup: Setup) -> None:
        answer = plain(setup.app(Route("/", ok), outside=(policy(),))).get("/", headers=ORIGIN)
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
        assert answer.headers["access-control-expose-headers"] == "DPoP-Nonce, WWW-Authenticate"

    @pytest.mark.parametrize("place", ["inside", "outside"])
    def test_a_preflight_passes(self, setup: Setup, place: str) -> None:
        others: Any = {place: (policy(),)}
        headers = {**ORIGIN, "Access-Control-Request-Method": "GET"}
        answer = plain(setup.app(Route("/", ok), **others)).options("/", headers=headers)
        assert (answer.status_code, answer.text) == (200, "OK")

    def test_an_accepted_answer_exposes_the_nonce_beside_what_the_app_exposes(self, setup: Setup) -> None:
        app = setup.app(Route("/", ok), inside=(policy(expose_headers=["X-Total"]),))
        answer = setup.client(app).get("/", headers=ORIGIN)
        assert answer.headers["access-control-expose-headers"] == "X-Total, DPoP-Nonce, WWW-Authenticate"

    def test_an_answer_to_no_script_exposes_nothing(self, setup: Setup) -> None:
        answer = setup.client(setup.app(Route("/", ok))).get("/")
        assert "access-control-expose-headers" not in answer.headers


class TestBodies:
    def test_the_app_gets_a_bound_body_whole_however_it_came(self, setup: Setup) -> None:
        call = setup.call("/", "POST", body=b"abcdef")
        call.incoming = body_parts(b"ab", b"", b"cd", b"ef")
        assert call.run(setup.app(Route("/", echo, methods=["POST"]))).json["body"] == "abcdef"

    def test_a_body_that_is_not_bound_is_streamed_to_the_app(self, setup: Setup) -> None:
        call = setup.call("/", "POST")
        call.incoming = body_parts(b"ab", b"cd", b"ef")
        assert call.run(setup.app(Route("/", echo, methods=["POST"]))).json == {"body": "abcdef", "chunks": 3}

    def test_another_body_than_the_bound_one_is_refused(self, setup: Setup) -> None:
        call = setup.call("/", "POST", body=b"abcdef")
        call.incoming = body_parts(b"abc", b"xyz")
        assert call.run(setup.app(Route("/", echo, methods=["POST"]))).json["code"] == "wrong_digest"

    @pytest.mark.parametrize("declared", [True, False])
    def test_a_bound_body_beyond_the_limit_is_refused(self, declared: bool) -> None:
        setup = Setup(body_limit=4)
        call = setup.call("/", "POST", body=b"abcdef")
        call.incoming = body_parts(b"abc", b"def", b"ghi")
        if declared:
            call.scope["headers"].append((b"content-length", b"6"))
        call.run(setup.app(Route("/", echo, methods=["POST"])))
        assert (call.status, call.json["code"]) == (413, "body_too_large")
        assert call.taken == (0 if declared else 2)

    @pytest.mark.parametrize("declared", [True, False])
    def test_in_report_mode_the_app_gets_a_body_beyond_the_limit(self, declared: bool) -> None:
        setup = Setup(body_limit=4, mode="report")
        call = setup.call("/", "POST", body=b"abcdef")
        call.incoming = body_parts(b"abc", b"def")
        if declared:
            call.scope["headers"].append((b"content-length", b"6"))
        assert call.run(setup.app(Route("/", echo, methods=["POST"]))).json["body"] == "abcdef"
        assert setup.kinds() == ["would_refuse body_too_large"]

    def test_a_client_that_goes_away_within_its_body_is_not_answered_and_its_proof_is_not_used(
        self, setup: Setup
    ) -> None:
        app = setup.app(Route("/", echo, methods=["POST"]))
        call = setup.call("/", "POST", body=b"abc")
        whole, call.incoming = call.incoming, [*body_parts(b"ab", b"")[:1], GONE]
        assert call.run(app).sent == []
        assert Call(call.scope, whole).run(app).status == 200

    def test_after_the_body_the_app_waits_for_the_client_to_go(self, setup: Setup) -> None:
        async def waiting(request: Request) -> Response:
            assert await request.body() == b"abc"
            return PlainTextResponse("gone" if await request.is_disconnected() else "there")

        app = setup.app(Route("/", waiting, methods=["POST"]))
        assert setup.call("/", "POST", body=b"abc").run(app).body == b"there"
        gone = setup.call("/", "POST", body=b"abc")
        gone.incoming.append(GONE)
        assert gone.run(app).body == b"gone"

    def test_a_form_is_read_after_the_proof_was_checked(self, setup: Setup) -> None:
        async def form(request: Request) -> Response:
            return PlainTextResponse(str((await request.body()).decode()))

        client = setup.client(setup.app(Route("/", required(body=True)(form), methods=["POST"])))
        assert client.post("/", data={"name": "a b"}).text == "name=a+b"

    def test_streams_and_background_tasks_come_to_their_end(self, setup: Setup) -> None:
        done = []

        async def parts() -> Any:
            for part in (b"a", b"b", b"c"):
                yield part

        async def endpoint(_: Request) -> Response:
            return StreamingResponse(parts(), background=BackgroundTask(done.append, "done"))

        assert setup.client(setup.app(Route("/", endpoint))).get("/").text == "abc"
        assert done == ["done"]

    def test_a_body_that_the_app_has_begun_to_read_cannot_be_bound_any_more(self, setup: Setup) -> None:
        held = required(body=True)(async_endpoint)

        async def endpoint(request: Request) -> Response:
            await request.body()
            return await held(request)

        app = setup.app(Route("/", exempt(endpoint), methods=["POST"]))
        assert setup.client(app).post("/", content=b"abc").json()["code"] == "wrong_digest"
        assert setup.client(app).post("/").status_code == 200


class TestOneCheck:
    def test_a_second_middleware_with_the_same_service_checks_nothing_twice(self, setup: Setup) -> None:
        again = Middleware(MFAMiddleware, service=setup.service)
        assert setup.client(setup.app(Route("/", ok), inside=(again,))).get("/").status_code == 200
        assert setup.kinds() == ["accepted"]

    def test_a_second_middleware_with_equal_settings_checks_nothing_twice(self, tmp_path: Any) -> None:
        options = {"machines": str(tmp_path / "machines.json"), "replay_store": "memory:"}
        app = Starlette(routes=[Route("/", ok)])
        app.add_middleware(MFAMiddleware, **options)
        app.add_middleware(MFAMiddleware, **options)
        machine = enrolled(app)
        assert signed_client(app, machine, key=KEY).get("/").status_code == 200

    def test_a_second_middleware_with_other_settings_is_a_mistake_that_is_told(self, setup: Setup) -> None:
        other = Middleware(MFAMiddleware, service=Setup(exempt="/other").service)
        app = setup.app(Route("/", exempt(ok)), Route("/orders", ok), inside=(other,))
        with pytest.raises(ConfigurationError, match="give both one service"):
            setup.client(app).get("/orders")
        assert plain(app).get("/").status_code == 200

    def test_a_proof_is_accepted_once(self, setup: Setup) -> None:
        app = setup.app(Route("/", ok))
        call = setup.call("/")
        again = Call(dict(call.scope))
        assert call.run(app).status == 200
        assert again.run(app).json["code"] == "replayed"

    def test_off_lets_everything_pass(self) -> None:
        assert plain(Setup(mode="off").app(Route("/", required(scopes="admin")(ok)))).get("/").status_code == 200


class TestStart:
    def test_a_wrong_setting_fails_the_start_with_one_line(self) -> None:
        app = Starlette(routes=[Route("/", exempt(ok))])
        app.add_middleware(MFAMiddleware, mode="enforc")
        call = Call({"type": "lifespan", "state": {}}, [{"type": "lifespan.startup"}]).run(app)
        assert [message["type"] for message in call.sent] == ["lifespan.startup.failed"]
        assert call.sent[0]["message"] == (
            "mfa_middleware: MFA_MODE: write off, report, enforce or enforce:25% instead of 'enforc'"
        )

    def test_without_a_start_a_wrong_setting_fails_every_request(self) -> None:
        app = Starlette(routes=[Route("/", exempt(ok))])
        app.add_middleware(MFAMiddleware, mode="enforc")
        client = TestClient(app, raise_server_exceptions=False)
        assert [client.get("/").status_code for _ in range(2)] == [500, 500]

    def test_the_app_starts_stops_and_starts_again(self, tmp_path: Any) -> None:
        app = Starlette(routes=[Route("/", ok)])
        app.add_middleware(MFAMiddleware, machines=str(tmp_path / "machines.json"), replay_store="memory:")
        machine = enrolled(app)
        for _ in range(2):
            with signed_client(app, machine, key=KEY) as client:
                assert client.get("/").status_code == 200

    def test_an_option_may_be_called_like_the_parameter_of_every_middleware(self, tmp_path: Any) -> None:
        middleware = MFAMiddleware(ok, app="orders", machines=str(tmp_path / "m.json"), replay_store="memory:")  # type: ignore[arg-type]
        assert middleware.service.settings.app == "orders"
