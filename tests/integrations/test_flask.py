from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import Blueprint, Flask, g, request
from flask.views import MethodView, View
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, TestResponse

from mfa_middleware import wsgi
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.events import Event
from mfa_middleware.flask import MFA
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings

from .callers import CREDENTIAL, Caller, ManualClock

SCOPED = {"scopes": ["read", "write"]}


@pytest.fixture
def caller(machines: Path) -> Caller:
    return Caller(machines, entry=SCOPED)


@pytest.fixture
def build(caller: Caller) -> Iterator[Callable[..., tuple[Flask, MFA]]]:
    """An app with its MFA, in front of nothing yet."""
    services = []

    def make(**settings: Any) -> tuple[Flask, MFA]:
        app = Flask(__name__)
        mfa = MFA(app, **{"machines": caller.machines, "replay_store": "memory:", **settings})
        services.append(app.extensions["mfa"])
        return app, mfa

    yield make
    for service in services:
        service.close()


Build = Callable[..., tuple[Flask, MFA]]


class Calls:
    """Calls an app as the machine does."""

    def __init__(self, app: Flask | Client, caller: Caller, base: str = "http://localhost") -> None:
        self.client = app.test_client() if isinstance(app, Flask) else app
        self.caller, self.base = caller, base

    def __call__(self, method: str, path: str, *, body: bytes | None = None, **options: Any) -> TestResponse:
        more = options.pop("headers", {})
        content_type = options.pop("content_type", None)
        headers = {**self.caller.headers(method, self.base + path, body=body, **options), **more}
        return self.unsigned(method, path, data=body, content_type=content_type, headers=headers)

    def unsigned(self, method: str, path: str, **options: Any) -> TestResponse:
        environ = {"REMOTE_ADDR": "127.0.0.1", **options.pop("environ_overrides", {})}
        options.setdefault("headers", CREDENTIAL)
        return self.client.open(path, method=method, base_url=self.base, environ_overrides=environ, **options)


def code_of(response: TestResponse) -> str:
    assert response.content_type == "application/problem+json"
    code: str = json.loads(response.data)["code"]
    return code


def seen() -> Any:
    return {"machine": g.machine.id if g.machine else None, "allowed": g.mfa.allowed}


def a_view() -> Callable[[], Any]:
    """A view of its own, since `required` also marks the function that it decorates."""
    return lambda: seen()


class TestEveryRequest:
    def test_a_view_finds_the_machine_whose_proof_was_accepted(self, build: Build, caller: Caller) -> None:
        app, _ = build()
        app.add_url_rule("/orders", "view", a_view())
        answer = Calls(app, caller)("GET", "/orders")
        assert (answer.status_code, answer.json) == (200, {"machine": "depot", "allowed": True})

    def test_a_credential_alone_is_refused_with_a_problem_document(self, build: Build, caller: Caller) -> None:
        app, _ = build()
        app.add_url_rule("/orders", "view", a_view())
        answer = Calls(app, caller).unsigned("GET", "/orders")
        assert answer.status_code == 401
        assert code_of(answer) == "missing_proof"
        assert answer.headers["WWW-Authenticate"].startswith('DPoP error="invalid_dpop_proof", algs="')

    def test_the_same_proof_is_accepted_once(self, build: Build, caller: Caller) -> None:
        app, _ = build()
        app.add_url_rule("/orders", "view", a_view())
        headers = caller.headers("GET", "http://localhost/orders")
        client = app.test_client()
        assert client.get("/orders", headers=headers).status_code == 200
        assert code_of(client.get("/orders", headers=headers)) == "replayed"

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/nowhere", 404),
            ("DELETE", "/orders", 405),
            ("GET", "/slashed", 308),
            ("GET", "/static/style.css", 200),
            ("OPTIONS", "/orders", 200),
            ("HEAD", "/orders", 200),
            ("GET", "/failing", 500),
        ],
    )
    def test_what_flask_answers_by_itself_needs_a_proof_too(
        self, build: Build, caller: Caller, tmp_path: Path, method: str, path: str, status: int
    ) -> None:
        app, _ = build()
        (tmp_path / "style.css").write_text("body {}")
        app.static_folder = str(tmp_path)
        app.add_url_rule("/orders", "view", a_view())
        app.add_url_rule("/slashed/", "slashed", a_view())
        app.add_url_rule("/failing", "failing", lambda: 1 / 0)
        calls = Calls(app, caller)
        assert calls.unsigned(method, path).status_code == 401
        with calls(method, path) as answer:
            assert answer.status_code == status

    def test_a_refused_head_request_has_no_body(self, build: Build, caller: Caller) -> None:
        app, _ = build()
        answer = Calls(app, caller).unsigned("HEAD", "/orders")
        assert (answer.status_code, answer.data) == (401, b"")

    def test_a_preflight_passes_and_plain_options_does_not(self, build: Build, caller: Caller) -> None:
        app, _ = build()
        app.add_url_rule("/orders", "view", a_view())
        calls = Calls(app, caller)
        preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
        assert calls.unsigned("OPTIONS", "/orders", headers=preflight).status_code == 200
        assert calls.unsigned("OPTIONS", "/orders", headers={}).status_code == 401

    def test_the_check_runs_before_what_was_registered_earlier(self, caller: Caller, machines: Path) -> None:
        ran = []
        app = Flask(__name__)
        app.before_request(lambda: ran.append("earlier"))
        MFA(app, machines=machines, replay_store="memory:")
        assert Calls(app, caller).unsigned("GET", "/").status_code == 401
        assert ran == []
        Calls(app, caller)("GET", "/")
        assert ran == ["earlier"]

    def test_in_report_mode_a_refusal_is_only_an_event_and_names_no_machine(self, caller: Caller) -> None:
        events: list[Event] = []
        settings = Settings.load({"machines": caller.machines, "replay_store": "memory:", "mode": "report"})
        app = Flask(__name__)
        MFA(app, service=Service(settings, on_event=events.append))
        app.add_url_rule("/orders", "view", a_view())
        headers = caller.headers("GET", "http://localhost/orders")
        client = app.test_client()
        assert client.get("/orders", headers=headers).json == {"machine": "depot", "allowed": True}
        assert client.get("/orders", headers=headers).json == {"machine": None, "allowed": True}
        assert [(event.kind, event.code) for event in events[-2:]] == [("accepted", None), ("would_refuse", "retried")]

    def test_mode_off_lets_everything_pass_without_a_machine(self, build: Build, caller: Caller) -> None:
        app, mfa = build(mode="off")
        app.add_url_rule("/admin", "view", mfa.required(scopes="admin")(a_view()))
        assert Calls(app, caller).unsigned("GET", "/admin", headers={}).json == {"machine": None, "allowed": True}


class TestWords:
    """Each word of `required`, met and not met."""

    def calls(self, build: Build, caller: Caller, words: dict[str, Any], **settings: Any) -> Calls:
        app, mfa = build(**settings)
        app.add_url_rule("/it", "view", mfa.required(**words)(a_view()), methods=["GET", "POST"])
        return Calls(app, caller)

    def test_scopes(self, build: Build, caller: Caller) -> None:
        assert self.calls(build, caller, {"scopes": ["read", "write"]})("GET", "/it").status_code == 200
        refused = self.calls(build, caller, {"scopes": "read admin"})("GET", "/it")
        assert (refused.status_code, code_of(refused)) == (403, "scope_denied")

    def test_body(self, build: Build, caller: Caller) -> None:
        calls = self.calls(build, caller, {"body": True})
        assert calls("POST", "/it", body=b"12 apples").status_code == 200
        assert calls("GET", "/it").status_code == 200
        assert code_of(calls("POST", "/it", body=b"12 apples", bind_body=False)) == "wrong_digest"

    def test_query(self, build: Build, caller: Caller) -> None:
        calls = self.calls(build, caller, {"query": True})
        assert calls("GET", "/it?n=1").status_code == 200
        assert code_of(calls("GET", "/it?n=1", bind_query=False)) == "wrong_target"

    @pytest.mark.parametrize("mode", ["off", "recover", "required"])
    def test_nonce(self, build: Build, caller: Caller, mode: str) -> None:
        calls = self.calls(build, caller, {"nonce": True}, nonce=mode)
        challenge = calls("GET", "/it")
        assert code_of(challenge) == "use_dpop_nonce"
        assert calls("GET", "/it", nonce=challenge.headers["DPoP-Nonce"]).status_code == 200

    def test_networks(self, build: Build, caller: Caller) -> None:
        assert self.calls(build, caller, {"networks": "127.0.0.0/8"})("GET", "/it").status_code == 200
        refused = self.calls(build, caller, {"networks": ["10.0.0.0/8", "fd00::/8"]})("GET", "/it")
        assert (refused.status_code, code_of(refused)) == (403, "machine_inactive")

    def test_report_only(self, build: Build, caller: Caller) -> None:
        calls = self.calls(build, caller, {"report_only": True, "scopes": "admin"})
        assert calls("GET", "/it").json == {"machine": None, "allowed": True}
        assert calls.unsigned("GET", "/it").json == {"machine": None, "allowed": True}

    def test_no_credential(self, build: Build, caller: Caller) -> None:
        calls = self.calls(build, caller, {"credential": False})
        assert calls("GET", "/it", credential={}).json == {"machine": "depot", "allowed": True}
        assert code_of(calls.unsigned("GET", "/it", headers={})) == "missing_proof"
        strict = self.calls(build, caller, {})
        assert code_of(strict("GET", "/it", credential={})) == "missing_credential"

    def test_a_wrong_network_stops_the_import(self) -> None:
        with pytest.raises(ConfigurationError, match="write CIDR networks such as"):
            MFA.required(networks="10.0.0.1/8")

    @pytest.mark.parametrize("thing", [object(), str, 7])
    def test_what_is_no_view_cannot_be_marked(self, thing: Any) -> None:
        with pytest.raises(ConfigurationError, match="mark views"):
            MFA.required()(thing)
        with pytest.raises(ConfigurationError, match="mark views"):
            MFA.exempt(thing)

    def test_a_blueprint_cannot_be_required(self) -> None:
        with pytest.raises(ConfigurationError, match="mark views"):
            MFA.required()(Blueprint("orders", __name__))  # type: ignore[type-var]


class TestExempt:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_an_exempt_view_needs_nothing(self, build: Build, caller: Caller, method: str) -> None:
        app, mfa = build()
        app.add_url_rule("/health", "view", mfa.exempt(a_view()))
        assert Calls(app, caller).unsigned(method, "/health", headers={}).status_code == 200

    def test_the_function_itself_stays_protected(self, build: Build, caller: Caller) -> None:
        app, mfa = build()
        app.add_url_rule("/open", "open", mfa.exempt(a_view()))
        app.add_url_rule("/closed", "closed", a_view())
        calls = Calls(app, caller)
        assert calls.unsigned("GET", "/open").status_code == 200
        assert calls.unsigned("GET", "/closed").status_code == 401

    @pytest.mark.parametrize(
        "path",
        ["/public/a//b", "/public/../orders", "/public/%2e%2e/orders", "/public/a%2Fb", "/public/a%00", "//public/a"],
    )
    def test_a_path_that_can_be_read_in_two_ways_is_never_exempt(self, build: Build, caller: Caller, path: str) -> None:
        app, mfa = build()
        app.add_url_rule("/public/<path:rest>", endpoint="public", view_func=mfa.exempt(lambda rest: rest))
        calls = Calls(app, caller)
        assert calls.unsigned("GET", "/public/a").status_code == 200
        environ = {"RAW_URI": path, "REQUEST_URI": path}
        assert calls.unsigned("GET", path, environ_overrides=environ).status_code == 401

    def test_a_blueprint_and_what_is_nested_in_it(self, build: Build, caller: Caller, tmp_path: Path) -> None:
        app, mfa = build()
        (tmp_path / "logo.svg").write_text("<svg/>")
        docs = Blueprint("docs", __name__, static_folder=str(tmp_path), static_url_path="/static")
        deep = Blueprint("deep", __name__)
        docs.add_url_rule("/", "view", a_view())
        deep.add_url_rule("/page", "view", a_view())
        docs.add_url_rule("/secret", "secret", mfa.required(scopes="admin")(lambda: "secret"))
        docs.register_blueprint(deep, url_prefix="/deep")
        app.register_blueprint(mfa.exempt(docs), url_prefix="/docs")
        app.add_url_rule("/orders", "orders", a_view())
        calls = Calls(app, caller)
        for path in ("/docs/", "/docs/deep/page", "/docs/static/logo.svg"):
            with calls.unsigned("GET", path) as answer:
                assert answer.status_code == 200, path
        for path in ("/orders", "/docs/nowhere", "/docs/secret"):
            assert calls.unsigned("GET", path).status_code == 401, path
        assert code_of(calls("GET", "/docs/secret")) == "scope_denied"

    def test_the_setting_exempts_a_path_exactly(self, build: Build, caller: Caller) -> None:
        app, mfa = build(exempt="/health")
        app.add_url_rule("/health", "view", mfa.required(scopes="admin")(a_view()))
        calls = Calls(app, caller)
        assert calls.unsigned("GET", "/health").status_code == 200
        assert calls.unsigned("GET", "/healt%68", environ_overrides={"RAW_URI": "/healt%68"}).status_code == 401


def with_wraps(view: Any) -> Any:
    @functools.wraps(view)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return outer


def without_wraps(view: Any) -> Any:
    def outer(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return outer


class TestBesideOtherDecorators:
    @pytest.mark.parametrize("other", [with_wraps, without_wraps])
    def test_required_holds_inside_of_another_decorator(self, build: Build, caller: Caller, other: Any) -> None:
        app, mfa = build()
        app.add_url_rule("/admin", "admin", other(mfa.required(scopes="admin")(a_view())))
        assert code_of(Calls(app, caller)("GET", "/admin")) == "scope_denied"

    @pytest.mark.parametrize("other", [with_wraps, without_wraps])
    def test_required_holds_outside_of_another_decorator(self, build: Build, caller: Caller, other: Any) -> None:
        app, mfa = build()
        app.add_url_rule("/admin", "admin", mfa.required(scopes="admin")(other(a_view())))
        assert code_of(Calls(app, caller)("GET", "/admin")) == "scope_denied"

    def test_required_holds_where_it_stands_above_the_route(self, build: Build, caller: Caller) -> None:
        app, mfa = build()

        @mfa.required(scopes="admin", report_only=True)
        @app.get("/admin")
        def admin() -> str:
            return "secret"

        assert code_of(Calls(app, caller)("GET", "/admin")) == "scope_denied"

    def test_exempt_does_nothing_where_it_stands_above_the_route(self, build: Build, caller: Caller) -> None:
        app, mfa = build()

        @mfa.exempt
        @app.get("/health")
        def health() -> str:
            return "ok"

        assert Calls(app, caller).unsigned("GET", "/health").status_code == 401

    def test_exempt_shows_through_wraps_and_is_lost_without(self, build: Build, caller: Caller) -> None:
        app, mfa = build()
        app.add_url_rule("/seen", "seen", with_wraps(mfa.exempt(a_view())))
        app.add_url_rule("/lost", "lost", without_wraps(mfa.exempt(a_view())))
        app.add_url_rule("/outside", "outside", mfa.exempt(without_wraps(a_view())))
        calls = Calls(app, caller)
        assert [calls.unsigned("GET", path).status_code for path in ("/seen", "/lost", "/outside")] == [200, 401, 200]

    @pytest.mark.parametrize("between", [with_wraps, without_wraps])
    @pytest.mark.parametrize("outer", ["exempt", "required"])
    def test_what_is_both_exempt_and_required_is_required(
        self, build: Build, caller: Caller, outer: str, between: Any
    ) -> None:
        app, mfa = build()
        required = mfa.required(scopes="admin")
        first, last = (required, mfa.exempt) if outer == "exempt" else (mfa.exempt, required)
        app.add_url_rule("/it", "it", last(between(first(lambda: "secret"))))
        calls = Calls(app, caller)
        assert code_of(calls.unsigned("GET", "/it")) == "missing_proof"
        assert code_of(calls("GET", "/it")) == "scope_denied"

    @pytest.mark.parametrize("between", [with_wraps, without_wraps])
    def test_what_one_mark_only_reports_another_refuses(self, build: Build, caller: Caller, between: Any) -> None:
        app, mfa = build()
        lenient, strict = mfa.required(report_only=True), mfa.required(scopes="admin")
        app.add_url_rule("/a", "a", lenient(between(strict(lambda: "secret"))))
        app.add_url_rule("/b", "b", strict(between(lenient(lambda: "secret"))))
        calls = Calls(app, caller)
        for path in ("/a", "/b"):
            assert code_of(calls.unsigned("GET", path)) == "missing_proof"
            assert code_of(calls("GET", path)) == "scope_denied"

    @pytest.mark.parametrize("between", [with_wraps, without_wraps])
    def test_a_credential_that_one_mark_forgoes_another_demands(
        self, build: Build, caller: Caller, between: Any
    ) -> None:
        app, mfa = build()
        lenient, strict = mfa.required(credential=False), mfa.required(scopes="read")
        app.add_url_rule("/a", "a", lenient(between(strict(a_view()))))
        calls = Calls(app, caller)
        assert code_of(calls("GET", "/a", credential={})) == "missing_credential"
        assert calls("GET", "/a").status_code == 200

    def test_two_required_marks_add_up(self, build: Build, caller: Caller) -> None:
        app, mfa = build(nonce="off")
        both = mfa.required(scopes="read", networks="127.0.0.0/8")(mfa.required(nonce=True, networks="::1")(a_view()))
        app.add_url_rule("/it", "it", both)
        calls = Calls(app, caller)
        nonce = calls("GET", "/it").headers["DPoP-Nonce"]
        assert code_of(calls("GET", "/it", nonce=nonce)) == "machine_inactive"

    def test_a_decorator_outside_that_changes_answers_does_not_get_the_refusal(
        self, build: Build, caller: Caller
    ) -> None:
        app, mfa = build()

        def doubled(view: Any) -> Any:
            return lambda: view() * 2

        app.add_url_rule("/it", "it", doubled(mfa.required(scopes="admin")(lambda: "secret")))
        assert code_of(Calls(app, caller)("GET", "/it")) == "scope_denied"


class TestClassViews:
    def test_decorators_list(self, build: Build, caller: Caller) -> None:
        app, mfa = build()

        class Admin(MethodView):
            decorators = [with_wraps, mfa.required(scopes="admin"), without_wraps]  # noqa: RUF012

            def get(self) -> str:
                return "secret"

        class Health(MethodView):
            decorators = [mfa.exempt]  # noqa: RUF012

            def get(self) -> str:
                return "ok"

        app.add_url_rule("/admin", view_func=Admin.as_view("admin"))
        app.add_url_rule("/health", view_func=Health.as_view("health"))
        calls = Calls(app, caller)
        assert code_of(calls("GET", "/admin")) == "scope_denied"
        assert calls.unsigned("GET", "/health").data == b"ok"

    @pytest.mark.parametrize("each", [True, False])
    def test_the_class_itself(self, build: Build, caller: Caller, each: bool) -> None:
        app, mfa = build()

        @mfa.required(scopes="admin")
        class Admin(View):
            init_every_request = each
            decorators = [without_wraps]  # noqa: RUF012

            def dispatch_request(self) -> str:
                return "secret"

        @mfa.exempt
        class Health(View):
            init_every_request = each
            decorators = [without_wraps]  # noqa: RUF012

            def dispatch_request(self) -> str:
                return "ok"

        app.add_url_rule("/admin", view_func=Admin.as_view("admin"))
        app.add_url_rule("/health", view_func=Health.as_view("health"))
        calls = Calls(app, caller)
        assert code_of(calls("GET", "/admin")) == "scope_denied"
        assert calls.unsigned("GET", "/health").data == b"ok"

    def test_a_method_can_demand_more_than_its_class(self, build: Build, caller: Caller) -> None:
        app, mfa = build()

        class Orders(MethodView):
            def get(self) -> Any:
                return seen()

            @mfa.required(scopes="write", body=True)
            def post(self) -> str:
                return "made"

            @mfa.required(scopes="admin")
            def delete(self) -> str:
                return "gone"

            @mfa.required(body=True)
            def put(self) -> str:
                return "put"

        app.add_url_rule("/orders", view_func=Orders.as_view("orders"))
        calls = Calls(app, caller)
        assert calls("GET", "/orders").status_code == 200
        assert calls("HEAD", "/orders").status_code == 200
        assert calls("POST", "/orders", body=b"1").data == b"made"
        assert code_of(calls("POST", "/orders", body=b"1", bind_body=False)) == "wrong_digest"
        assert code_of(calls("DELETE", "/orders")) == "scope_denied"
        assert calls("PUT", "/orders").data == b"put"

    def test_a_method_cannot_loosen_what_its_class_demands(self, build: Build, caller: Caller) -> None:
        app, mfa = build()

        class Health(MethodView):
            @mfa.exempt
            def get(self) -> str:
                return "ok"

        app.add_url_rule("/health", view_func=Health.as_view("health"))
        assert Calls(app, caller).unsigned("GET", "/health").status_code == 401

    def test_a_method_is_held_in_a_class_that_is_loosened(self, build: Build, caller: Caller) -> None:
        app, mfa = build()

        class Base(MethodView):
            @mfa.required(scopes="admin")
            def get(self) -> str:
                return "secret"

        @mfa.exempt
        class Open(Base):
            pass

        @mfa.required(report_only=True)
        class Reported(Base):
            pass

        app.add_url_rule("/open", view_func=Open.as_view("open"))
        app.add_url_rule("/reported", view_func=Reported.as_view("reported"))
        calls = Calls(app, caller)
        for path in ("/open", "/reported"):
            assert code_of(calls.unsigned("GET", path)) == "missing_proof"
            assert code_of(calls("GET", path)) == "scope_denied"

    def test_a_subclass_inherits_what_tightens_and_not_what_loosens(self, build: Build, caller: Caller) -> None:
        app, mfa = build()

        @mfa.required(scopes="admin")
        class Admin(MethodView):
            def get(self) -> str:
                return "secret"

        class Plain(Admin):
            pass

        class Own(Admin):
            def dispatch_request(self, **_: Any) -> str:
                return "secret"

        @mfa.exempt
        class Health(MethodView):
            def get(self) -> str:
                return "ok"

        class More(Health):
            pass

        @mfa.exempt
        class Again(Admin):
            pass

        for view in (Plain, Own, Health, More, Again):
            app.add_url_rule(f"/{view.__name__}", view_func=view.as_view(view.__name__))
        calls = Calls(app, caller)
        assert calls.unsigned("GET", "/Health").status_code == 200
        assert calls.unsigned("GET", "/More").status_code == 401
        for path in ("/Plain", "/Own", "/Again"):
            assert calls.unsigned("GET", path).status_code == 401
            assert code_of(calls("GET", path)) == "scope_denied"


class TestAsyncViews:
    def test_functions_and_classes(self, build: Build, caller: Caller) -> None:
        app, mfa = build()

        @app.get("/orders")
        @mfa.required(scopes="read")
        async def orders() -> Any:
            return seen()

        @app.get("/admin")
        @mfa.required(scopes="admin")
        async def admin() -> str:
            return "secret"

        @app.get("/health")
        @mfa.exempt
        async def health() -> str:
            return "ok"

        @mfa.required(scopes="read")
        class Items(MethodView):
            async def get(self) -> Any:
                return seen()

            @mfa.required(scopes="admin")
            async def delete(self) -> str:
                return "gone"

        app.add_url_rule("/items", view_func=Items.as_view("items"))
        calls = Calls(app, caller)
        assert calls("GET", "/orders").json == {"machine": "depot", "allowed": True}
        assert calls("GET", "/items").json == {"machine": "depot", "allowed": True}
        assert calls.unsigned("GET", "/health").data == b"ok"
        assert code_of(calls("GET", "/admin")) == "scope_denied"
        assert code_of(calls("DELETE", "/items")) == "scope_denied"


class TestSeveralApps:
    def test_each_app_has_its_own_service_and_settings(self, caller: Caller, tmp_path: Path) -> None:
        other = Caller(tmp_path / "other.json", "press")
        mfa = MFA(replay_store="memory:")
        first, second = Flask("first"), Flask("second")
        mfa.init_app(first, machines=caller.machines)
        mfa.init_app(second, machines=other.machines, mode="report")
        for app in (first, second):
            app.add_url_rule("/orders", "view", a_view())
        assert first.extensions["mfa"] is not second.extensions["mfa"]
        assert Calls(first, caller)("GET", "/orders").json == {"machine": "depot", "allowed": True}
        assert code_of(Calls(first, other)("GET", "/orders")) == "unknown_machine"
        assert Calls(second, other)("GET", "/orders").json == {"machine": "press", "allowed": True}
        assert Calls(second, caller)("GET", "/orders").json == {"machine": None, "allowed": True}

    def test_a_second_init_app_is_an_error(self, build: Build) -> None:
        app, mfa = build()
        with pytest.raises(ConfigurationError, match="has an MFA already"):
            mfa.init_app(app)

    def test_an_app_without_mfa_never_runs_a_required_view(self, build: Build, caller: Caller) -> None:
        _, mfa = build()
        ran = []
        shared = Blueprint("shared", __name__)
        shared.add_url_rule("/admin", "admin", mfa.required()(lambda: ran.append("admin")))
        shared.add_url_rule("/health", "health", mfa.exempt(lambda: "ok"))
        bare = Flask("bare")
        bare.register_blueprint(shared)
        calls = Calls(bare, caller)
        assert calls.unsigned("GET", "/health").status_code == 200
        assert calls("GET", "/admin").status_code == 500
        bare.testing = True
        with pytest.raises(ConfigurationError, match=r"the app bare does not check its requests: write MFA\(app\)"):
            calls("GET", "/admin")
        assert ran == []

    def test_a_request_that_another_app_checked_counts_only_there(self, build: Build, caller: Caller) -> None:
        outer, mfa = build()
        bare = Flask("bare")
        bare.testing = True
        bare.add_url_rule("/admin", "admin", mfa.required()(lambda: "secret"))
        outer.testing = True
        outer.add_url_rule("/admin", "admin", lambda: outer.response_class.from_app(bare.wsgi_app, request.environ))
        with pytest.raises(ConfigurationError, match="the app bare does not check its requests"):
            Calls(outer, caller)("GET", "/admin")

    def test_a_request_that_never_was_dispatched_is_not_checked(self, build: Build) -> None:
        app, mfa = build()
        view = mfa.required()(a_view())
        with app.test_request_context("/orders"), pytest.raises(ConfigurationError, match="does not check"):
            view()

    def test_a_mounted_app_sees_its_whole_path(self, build: Build, caller: Caller) -> None:
        app, mfa = build()
        app.add_url_rule("/orders", "view", a_view())
        app.add_url_rule("/health", "health", mfa.exempt(lambda: "ok"))
        client = Client(DispatcherMiddleware(Flask("root"), {"/api": app}))
        calls = Calls(client, caller)
        assert calls("GET", "/api/orders").status_code == 200
        assert calls.unsigned("GET", "/api/health").status_code == 200
        headers = caller.headers("GET", "http://localhost/orders")
        assert code_of(calls.unsigned("GET", "/api/orders", headers=headers)) == "wrong_target"

    def test_subdomains_are_routed_before_their_marks_count(self, machines: Path, caller: Caller) -> None:
        app = Flask(__name__, subdomain_matching=True)
        app.config["SERVER_NAME"] = "localhost"
        origins = ["http://localhost", "http://docs.localhost"]
        service = Service(
            Settings.load({"machines": machines, "replay_store": "memory:", "origins": origins, "nonce": "off"}),
            clock=caller.clock or ManualClock(0),
        )
        mfa = MFA(app, service=service)
        app.add_url_rule("/", "docs", mfa.exempt(lambda: "docs"), subdomain="docs")
        app.add_url_rule("/", "root", a_view())
        assert Calls(app, caller, "http://docs.localhost").unsigned("GET", "/").data == b"docs"
        assert Calls(app, caller).unsigned("GET", "/").status_code == 401
        assert Calls(app, caller, "http://other.localhost").unsigned("GET", "/").status_code == 401

    def test_an_untrusted_host_is_no_way_around(self, build: Build, caller: Caller) -> None:
        app, mfa = build()
        app.config["TRUSTED_HOSTS"] = ["api.example.com"]
        app.add_url_rule("/health", "view", mfa.exempt(a_view()))
        assert Calls(app, caller).unsigned("GET", "/health").status_code == 401

    def test_wsgi_middleware_around_the_app_makes_the_one_check(self, build: Build, caller: Caller) -> None:
        app, mfa = build()
        app.add_url_rule("/orders", "view", a_view())
        app.add_url_rule("/admin", "admin", mfa.required(scopes="admin")(lambda: "secret"))
        outer = wsgi.MFAMiddleware(app.wsgi_app, service=app.extensions["mfa"])
        calls = Calls(Client(outer), caller)
        assert calls("GET", "/orders").json == {"machine": "depot", "allowed": True}
        assert code_of(calls("GET", "/admin")) == "scope_denied"
        assert code_of(calls.unsigned("GET", "/orders")) == "missing_proof"


class TestMethods:
    def test_the_proof_names_the_method_that_the_app_serves(self, build: Build, caller: Caller) -> None:
        app, _ = build()
        app.add_url_rule("/orders", view_func=lambda: request.method, endpoint="orders", methods=["POST", "DELETE"])
        inner = app.wsgi_app

        def overriding(environ: Any, start_response: Any) -> Any:
            environ["REQUEST_METHOD"] = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", environ["REQUEST_METHOD"])
            return inner(environ, start_response)

        calls = Calls(Client(overriding), caller)
        override = {"X-HTTP-Method-Override": "DELETE"}
        for signed, status in (("POST", 401), ("DELETE", 200)):
            headers = caller.headers(signed, "http://localhost/orders") | override
            assert calls.unsigned("POST", "/orders", headers=headers).status_code == status


class TestSettings:
    def service(self, app: Flask) -> Settings:
        settings: Settings = app.extensions["mfa"].settings
        app.extensions["mfa"].close()
        return settings

    def test_keywords_over_config_over_environment(self, machines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MFA_MODE", "off")
        monkeypatch.setenv("MFA_NONCE", "off")
        monkeypatch.setenv("MFA_BODY_LIMIT", "77")
        app = Flask(__name__)
        app.config.update(MFA_MACHINES=str(machines), MFA_REPLAY_STORE="memory:", MFA_NONCE="required", MFA_MODE="off")
        MFA(app, mode="report")
        settings = self.service(app)
        assert (str(settings.mode), settings.nonce, settings.body_limit) == ("report", "required", 77)

    def test_init_app_over_the_constructor(self, machines: Path) -> None:
        app = Flask(__name__)
        MFA(mode="report", machines=machines, replay_store="memory:", capacity=2000).init_app(app, mode="enforce")
        settings = self.service(app)
        assert (str(settings.mode), settings.capacity) == ("enforce", 2000)

    @pytest.mark.parametrize(
        ("config", "keywords", "message"),
        [
            ({"MFA_MODE": "maybe"}, {}, "MFA_MODE: write off, report, enforce or enforce:25% instead of 'maybe'"),
            ({}, {"origins": "api.example.com"}, "MFA_ORIGINS: write origins such as https://api.example.com"),
            ({"MFA_ORIGIN": "https://a.example"}, {}, "MFA_ORIGIN is not an option; write MFA_ORIGINS instead"),
            ({}, {"origin": "https://a.example"}, "origin is not an option; write MFA_ORIGINS instead"),
            ({"MFA_SECRET": "short"}, {}, "MFA_SECRET: write at least 32 random characters instead of 5"),
            ({"MFA_REPLAY_STORE": "disk:"}, {}, "no replay store is called 'disk:'"),
        ],
    )
    def test_a_wrong_value_stops_the_start_with_one_line(
        self, config: dict[str, Any], keywords: dict[str, Any], message: str
    ) -> None:
        app = Flask(__name__)
        app.config.update(config)
        with pytest.raises(ConfigurationError) as caught:
            MFA(app, **keywords)
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)
        assert "mfa" not in app.extensions

    def test_config_of_other_extensions_is_left_alone(self, machines: Path) -> None:
        app = Flask(__name__)
        app.config.update(MFA_MACHINES=machines, MFA_REPLAY_STORE="memory:", MFA_TOTP_ISSUER_LABEL="other")
        MFA(app)
        assert self.service(app).machines == str(machines)

    def test_a_bad_machines_file_stops_the_start(self, machines: Path) -> None:
        machines.write_text("{")
        machines.chmod(0o600)
        with pytest.raises(ConfigurationError, match=r"machines\.json"):
            MFA(Flask(__name__), machines=machines, replay_store="memory:")


class TestBodies:
    def answer(self, build: Build, caller: Caller, read: Any, body: bytes, content_type: str, **settings: Any) -> Any:
        app, mfa = build(**settings)
        app.add_url_rule("/it", "it", mfa.required(body=True)(lambda: flask.jsonify(read())), methods=["POST", "PUT"])
        return Calls(app, caller)("POST", "/it", body=body, content_type=content_type)

    def test_json(self, build: Build, caller: Caller) -> None:
        body = b'{"a": [1, 2]}'
        assert self.answer(build, caller, lambda: request.get_json(), body, "application/json").json == {"a": [1, 2]}

    def test_form(self, build: Build, caller: Caller) -> None:
        form = "application/x-www-form-urlencoded"
        assert self.answer(build, caller, lambda: dict(request.form), b"a=1&b=%C3%A4", form).json == {
            "a": "1",
            "b": "ä",
        }

    def test_multipart(self, build: Build, caller: Caller) -> None:
        body = (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n\x00\xff\r\n--x--\r\n'
        )
        answer = self.answer(
            build,
            caller,
            lambda: [request.form["a"], request.files["f"].read().hex()],
            body,
            "multipart/form-data; boundary=x",
        )
        assert answer.json == ["1", "00ff"]

    def test_streamed_by_the_view(self, build: Build, caller: Caller) -> None:
        body = bytes(range(256)) * 1000

        def read() -> Any:
            return [request.stream.read(3).hex(), len(request.stream.read())]

        assert self.answer(build, caller, read, body, "application/octet-stream").json == ["000102", len(body) - 3]

    def test_chunked_by_the_client(self, build: Build, caller: Caller) -> None:
        app, mfa = build()
        app.add_url_rule("/it", "it", mfa.required(body=True)(lambda: request.get_data()), methods=["POST"])
        headers = caller.headers("POST", "http://localhost/it", body=b"in pieces")
        environ = {"wsgi.input": io.BytesIO(b"in pieces"), "wsgi.input_terminated": True}
        headers["Transfer-Encoding"] = "chunked"
        answer = app.test_client().post("/it", headers=headers, environ_overrides=environ)
        assert (answer.status_code, answer.data) == (200, b"in pieces")

    def test_too_large_to_be_bound(self, build: Build, caller: Caller) -> None:
        answer = self.answer(build, caller, lambda: 1, b"x" * 101, "text/plain", body_limit=100)
        assert (answer.status_code, code_of(answer)) == (413, "body_too_large")
        assert self.answer(build, caller, lambda: 1, b"x" * 100, "text/plain", body_limit=100).status_code == 200

    @pytest.mark.parametrize("chunked", [True, False])
    def test_too_large_in_report_mode_is_still_whole(self, build: Build, caller: Caller, chunked: bool) -> None:
        app, mfa = build(mode="report", body_limit=100)
        app.add_url_rule("/it", "it", mfa.required(body=True)(lambda: request.get_data()), methods=["POST"])
        body = bytes(range(256))
        headers = caller.headers("POST", "http://localhost/it", body=body)
        environ: dict[str, Any] = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": "256"}
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
            environ |= {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
        assert app.test_client().post("/it", headers=headers, environ_overrides=environ).data == body

    def test_another_body_than_the_signed_one_is_refused(self, build: Build, caller: Caller) -> None:
        app, _ = build()
        app.add_url_rule("/it", "it", lambda: "", methods=["POST"])
        headers = caller.headers("POST", "http://localhost/it", body=b"12 apples")
        assert code_of(app.test_client().post("/it", data=b"99 apples", headers=headers)) == "wrong_digest"

    @pytest.mark.parametrize("limit", [100, 5])
    def test_a_body_that_was_read_before_the_check_is_bound_all_the_same(
        self, build: Build, caller: Caller, limit: int
    ) -> None:
        app, _ = build(body_limit=limit)
        app.url_value_preprocessor(lambda _endpoint, _values: request.get_data() and None)
        app.add_url_rule("/it", "it", lambda: request.get_data(), methods=["POST"])
        calls = Calls(app, caller)
        answer = calls("POST", "/it", body=b"12 apples")
        if limit == 5:
            assert code_of(answer) == "body_too_large"
        else:
            assert answer.data == b"12 apples"
            headers = caller.headers("POST", "http://localhost/it", body=b"12 apples")
            assert code_of(calls.unsigned("POST", "/it", data=b"99 apples", headers=headers)) == "wrong_digest"


class TestAnswers:
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def calls(self, clock: ManualClock, machines: Path) -> Iterator[Calls]:
        caller = Caller(machines, clock=clock, entry=SCOPED)
        service = Service(Settings.load({"machines": machines, "replay_store": "memory:"}), clock=clock)
        app = Flask(__name__)
        mfa = MFA(app, service=service)

        def with_cors() -> Any:
            response = app.make_response("ok")
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Expose-Headers"] = "X-Total"
            return response

        app.add_url_rule("/cors", view_func=with_cors)
        app.add_url_rule("/late", "late", without_wraps(mfa.required(nonce=True)(lambda: "late")))
        yield Calls(app, caller)
        service.close()

    def aged_nonce(self, calls: Calls, clock: ManualClock, age: float) -> str:
        nonce: str = calls("GET", "/late").headers["DPoP-Nonce"]
        clock.now += age
        return nonce

    def test_an_accepted_answer_renews_a_nonce_past_half_its_life(self, calls: Calls, clock: ManualClock) -> None:
        young = calls("GET", "/cors", nonce=self.aged_nonce(calls, clock, 10))
        old = calls("GET", "/cors", nonce=self.aged_nonce(calls, clock, 70))
        assert (young.status_code, old.status_code) == (200, 200)
        assert "DPoP-Nonce" not in young.headers
        assert calls("GET", "/late", nonce=old.headers["DPoP-Nonce"]).data == b"late"

    def test_a_mark_that_is_found_late_can_demand_a_nonce(self, calls: Calls) -> None:
        refused = calls("GET", "/late")
        assert (refused.status_code, code_of(refused)) == (401, "use_dpop_nonce")
        assert calls("GET", "/late", nonce=refused.headers["DPoP-Nonce"]).data == b"late"

    def test_scripts_of_other_origins_may_read_the_nonce_and_the_challenge(self, calls: Calls) -> None:
        origin = {"Origin": "https://app.example"}
        exposed = "Access-Control-Expose-Headers"
        assert calls("GET", "/cors", headers=origin).headers[exposed] == "X-Total, DPoP-Nonce, WWW-Authenticate"
        assert calls("GET", "/late", headers=origin).headers[exposed] == "DPoP-Nonce, WWW-Authenticate"
        assert calls("GET", "/cors").headers[exposed] == "X-Total"

    @pytest.mark.parametrize("first", ["cors", "mfa"])
    def test_headers_that_a_cors_extension_adds_to_a_refusal_are_kept(
        self, machines: Path, caller: Caller, first: str
    ) -> None:
        def cors(response: Any) -> Any:
            response.headers["Access-Control-Allow-Origin"] = "https://app.example"
            response.headers["Access-Control-Expose-Headers"] = "X-Total"
            return response

        app, mfa = Flask(__name__), MFA(machines=machines, replay_store="memory:")
        for add in (app.after_request, lambda _: mfa.init_app(app))[:: 1 if first == "cors" else -1]:
            add(cors)
        refused = Calls(app, caller).unsigned("GET", "/cors", headers={"Origin": "https://app.example"})
        assert refused.status_code == 401
        assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert refused.headers["Access-Control-Expose-Headers"] == "X-Total, DPoP-Nonce, WWW-Authenticate"
