from __future__ import annotations

import asyncio
import functools
import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import include, path, re_path
from django.utils.decorators import method_decorator, sync_and_async_middleware
from django.views import View
from django.views.decorators.csrf import csrf_exempt

import mfa_middleware.django.middleware
from mfa_middleware import asgi, wsgi
from mfa_middleware.django import MFAMiddleware, exempt, machine_of, required
from mfa_middleware.django.conf import open_service
from mfa_middleware.events import Event
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings

from .callers import Caller, ManualClock
from .django_project import MIDDLEWARE, Answer, Project

HERE = __name__
SCOPED = {"scopes": ["read", "write"]}


@pytest.fixture
def caller(machines: Path) -> Caller:
    return Caller(machines, entry=SCOPED)


@pytest.fixture(params=["wsgi", "asgi"])
def project(request: pytest.FixtureRequest, caller: Caller) -> Iterator[Project]:
    made = Project(request.param, caller)
    yield made
    made.close()


def seen(request: Any, **_: Any) -> JsonResponse:
    machine = machine_of(request)
    assert machine is request.machine
    return JsonResponse({"machine": machine.id if machine else None, "allowed": request.mfa.allowed})


async def seen_async(request: Any, **_: Any) -> JsonResponse:
    return seen(request)


def secret(_request: HttpRequest, **_: Any) -> HttpResponse:
    return HttpResponse("secret")


ACCEPTED = {"machine": "depot", "allowed": True}
NOBODY = {"machine": None, "allowed": True}


class TestEveryRequest:
    @pytest.mark.parametrize("view", [seen, seen_async])
    def test_a_view_finds_the_machine_whose_proof_was_accepted(self, project: Project, view: Any) -> None:
        answer = project.configure(path("orders", view))("GET", "/orders")
        assert (answer.status, answer.json) == (200, ACCEPTED)

    def test_a_credential_alone_is_refused_with_a_problem_document(self, project: Project) -> None:
        answer = project.configure(path("orders", seen)).unsigned("GET", "/orders")
        assert (answer.status, answer.code) == (401, "missing_proof")
        assert answer.headers["www-authenticate"].startswith('DPoP error="invalid_dpop_proof", algs="')
        assert answer.headers["cache-control"] == "no-store"

    def test_the_same_proof_is_accepted_once(self, project: Project, caller: Caller) -> None:
        project.configure(path("orders", seen))
        headers = caller.headers("GET", "http://localhost/orders")
        assert project.unsigned("GET", "/orders", headers=headers).status == 200
        assert project.unsigned("GET", "/orders", headers=headers).code == "replayed"

    @pytest.mark.parametrize(
        ("method", "target", "status"),
        [
            ("GET", "/nowhere", 404),
            ("DELETE", "/get-only", 405),
            ("OPTIONS", "/get-only", 200),
            ("HEAD", "/get-only", 200),
        ],
    )
    def test_what_django_answers_by_itself_needs_a_proof_too(
        self, project: Project, method: str, target: str, status: int
    ) -> None:
        class GetOnly(View):
            def get(self, request: HttpRequest) -> JsonResponse:
                return seen(request)

        project.configure(path("get-only", GetOnly.as_view()))
        assert project.unsigned(method, target).status == 401
        assert project(method, target).status == status

    def test_a_later_middleware_that_answers_by_itself_is_behind_the_check(self, project: Project) -> None:
        project.configure(middleware=[MIDDLEWARE, f"{HERE}.answers"])
        assert project.unsigned("GET", "/any").status == 401
        assert project("GET", "/any").body == b"by itself"

    def test_slashes_are_not_appended_before_the_check(self, project: Project) -> None:
        project.configure(
            path("health/", exempt(seen)), middleware=[MIDDLEWARE, "django.middleware.common.CommonMiddleware"]
        )
        assert project.unsigned("GET", "/health/").status == 200
        assert project.unsigned("GET", "/health").status == 401
        assert project("GET", "/health").status == 301

    def test_a_refused_head_request_has_no_body(self, project: Project) -> None:
        answer = project.configure().unsigned("HEAD", "/orders")
        assert (answer.status, answer.body) == (401, b"")

    def test_a_preflight_passes(self, project: Project) -> None:
        project.configure(path("orders", seen))
        preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
        assert project.unsigned("OPTIONS", "/orders", headers=preflight).json == NOBODY

    def test_mode_off_lets_everything_pass_without_a_machine(self, project: Project) -> None:
        project.configure(path("admin", required(scopes="admin")(seen)), mfa={"MODE": "off"})
        assert project.unsigned("GET", "/admin", headers={}).json == NOBODY

    def test_in_report_mode_a_refusal_is_only_an_event_and_names_no_machine(
        self, project: Project, caller: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        events: list[Event] = []
        serve_with(monkeypatch, service_of(caller, mode="report", on_event=events.append))
        project.configure(path("orders", seen), path("admin", required(scopes="admin")(seen)))
        headers = caller.headers("GET", "http://localhost/orders")
        assert project.unsigned("GET", "/orders", headers=headers).json == ACCEPTED
        assert project.unsigned("GET", "/orders", headers=headers).json == NOBODY
        assert project("GET", "/admin").json == NOBODY
        found = [(event.kind, event.code) for event in events if event.path]
        assert found == [("accepted", None), ("would_refuse", "retried"), ("would_refuse", "scope_denied")]

    def test_the_frameworks_own_clients_work(self, project: Project, caller: Caller) -> None:
        project.configure(path("orders", seen), mfa={"ORIGINS": "http://testserver", "NONCE": "required"})
        challenge = Client().get("/orders", headers=caller.headers("GET", "http://testserver/orders"))
        signed = caller.headers("GET", "http://testserver/orders", nonce=challenge.headers["DPoP-Nonce"])
        assert Client().get("/orders", headers=signed).json() == ACCEPTED

    def test_the_frameworks_own_async_client_works(self, caller: Caller) -> None:
        async def play() -> Any:
            client = AsyncClient()
            challenge = await client.get("/orders?a=1", headers=caller.headers("GET", "http://testserver/orders?a=1"))
            nonce = challenge.headers["DPoP-Nonce"]
            return await client.get(
                "/orders?a=1", headers=caller.headers("GET", "http://testserver/orders?a=1", nonce=nonce)
            )

        project = Project("asgi", caller)
        project.configure(path("orders", seen), mfa={"ORIGINS": "http://testserver", "NONCE": "required"})
        assert asyncio.run(play()).json() == ACCEPTED
        project.close()


def answers(_get_response: Any) -> Any:
    return lambda request: HttpResponse("by itself")


def service_of(caller: Caller, *, clock: Any = None, on_event: Any = None, **settings: Any) -> Service:
    options = {"machines": caller.machines, "replay_store": "memory:", **settings}
    more = {} if clock is None else {"clock": clock}
    return Service(Settings.load(options), on_event=on_event, **more)


def serve_with(monkeypatch: pytest.MonkeyPatch, service: Service) -> None:
    monkeypatch.setattr(mfa_middleware.django.middleware, "open_service", lambda: service)


class TestWords:
    """Each word of `required`, met and not met."""

    def configure(self, project: Project, words: dict[str, Any], **mfa: Any) -> Project:
        return project.configure(path("it", csrf_exempt(required(**words)(seen))), mfa=mfa)

    def test_scopes(self, project: Project) -> None:
        assert self.configure(project, {"scopes": ["read", "write"]})("GET", "/it").json == ACCEPTED
        refused = self.configure(project, {"scopes": "read admin"})("GET", "/it")
        assert (refused.status, refused.code) == (403, "scope_denied")

    def test_body(self, project: Project) -> None:
        self.configure(project, {"body": True})
        assert project("POST", "/it", body=b"12 apples").json == ACCEPTED
        assert project("GET", "/it").json == ACCEPTED
        assert project("POST", "/it", body=b"12 apples", bind_body=False).code == "wrong_digest"

    def test_query(self, project: Project) -> None:
        self.configure(project, {"query": True})
        assert project("GET", "/it?n=1").json == ACCEPTED
        assert project("GET", "/it?n=1", bind_query=False).code == "wrong_target"

    @pytest.mark.parametrize("mode", ["off", "recover", "required"])
    def test_nonce(self, project: Project, mode: str) -> None:
        challenge = self.configure(project, {"nonce": True}, NONCE=mode)("GET", "/it")
        assert challenge.code == "use_dpop_nonce"
        assert project("GET", "/it", nonce=challenge.headers["dpop-nonce"]).json == ACCEPTED

    def test_networks(self, project: Project) -> None:
        assert self.configure(project, {"networks": "127.0.0.0/8"})("GET", "/it").json == ACCEPTED
        refused = self.configure(project, {"networks": ["10.0.0.0/8", "fd00::/8"]})("GET", "/it")
        assert (refused.status, refused.code) == (403, "machine_inactive")

    def test_report_only(self, project: Project) -> None:
        self.configure(project, {"report_only": True, "scopes": "admin"})
        assert project("GET", "/it").json == NOBODY
        assert project.unsigned("GET", "/it").json == NOBODY

    def test_no_credential(self, project: Project) -> None:
        self.configure(project, {"credential": False})
        assert project("GET", "/it", credential={}).json == ACCEPTED
        assert project.unsigned("GET", "/it", headers={}).code == "missing_proof"
        assert self.configure(project, {})("GET", "/it", credential={}).code == "missing_credential"

    def test_a_wrong_network_stops_the_import(self) -> None:
        with pytest.raises(ImproperlyConfigured, match="write CIDR networks such as"):
            required(networks="10.0.0.1/8")

    @pytest.mark.parametrize("thing", [object(), str, 7])
    def test_what_is_no_view_cannot_be_marked(self, thing: Any) -> None:
        for mark in (required(), exempt):
            with pytest.raises(ImproperlyConfigured, match="mark views"):
                mark(thing)


class TestExempt:
    @pytest.mark.parametrize("view", [seen, seen_async])
    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_an_exempt_view_needs_nothing(self, project: Project, method: str, view: Any) -> None:
        project.configure(path("health", exempt(view)))
        assert project.unsigned(method, "/health", headers={}).status == 200

    def test_the_function_itself_stays_protected(self, project: Project) -> None:
        project.configure(path("open", exempt(seen)), path("closed", seen))
        assert project.unsigned("GET", "/open").status == 200
        assert project.unsigned("GET", "/closed").status == 401

    @pytest.mark.parametrize(
        "target",
        ["/public/a//b", "/public/../orders", "/public/%2e%2e/orders", "/public/a%2Fb", "/public/a%00", "/public/%5Ca"],
    )
    def test_a_path_that_can_be_read_in_two_ways_is_never_exempt(self, project: Project, target: str) -> None:
        project.configure(re_path("^public/.*$", exempt(seen)))
        assert project.unsigned("GET", "/public/a").status == 200
        raw: dict[str, Any] = {"RAW_URI": target} if project.kind == "wsgi" else {}
        assert project.unsigned("GET", target, server=raw).status == 401

    def test_an_exempt_view_below_an_include(self, project: Project) -> None:
        project.configure(path("api/", include([path("<int:n>/health", exempt(seen))])))
        assert project.unsigned("GET", "/api/7/health").status == 200
        assert project.unsigned("GET", "/api/x/health").status == 401

    def test_the_setting_exempts_a_path_exactly(self, project: Project) -> None:
        project.configure(path("health", required(scopes="admin")(seen)), mfa={"EXEMPT": ["/health"]})
        assert project.unsigned("GET", "/health").status == 200
        raw: dict[str, Any] = {"RAW_URI": "/healt%68"} if project.kind == "wsgi" else {}
        assert project.unsigned("GET", "/healt%68", server=raw).status == 401

    def test_an_exempt_view_runs_without_the_middleware_too(self, project: Project) -> None:
        project.configure(path("health", exempt(secret)), middleware=[])
        assert project.unsigned("GET", "/health").body == b"secret"


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
    def test_required_holds_inside_and_outside_of_another_decorator(self, project: Project, other: Any) -> None:
        admin = required(scopes="admin")
        project.configure(path("inside", other(admin(secret))), path("outside", admin(other(secret))))
        assert project("GET", "/inside").code == "scope_denied"
        assert project("GET", "/outside").code == "scope_denied"

    def test_exempt_shows_through_wraps_and_is_lost_without(self, project: Project) -> None:
        project.configure(
            path("seen", with_wraps(exempt(seen))),
            path("lost", without_wraps(exempt(seen))),
            path("outside", exempt(without_wraps(seen))),
        )
        assert [project.unsigned("GET", f"/{name}").status for name in ("seen", "lost", "outside")] == [200, 401, 200]

    @pytest.mark.parametrize("between", [with_wraps, without_wraps])
    @pytest.mark.parametrize("outer", ["exempt", "required"])
    def test_what_is_both_exempt_and_required_is_required(self, project: Project, outer: str, between: Any) -> None:
        first, last = (required(scopes="admin"), exempt) if outer == "exempt" else (exempt, required(scopes="admin"))
        project.configure(path("it", last(between(first(secret)))))
        assert project.unsigned("GET", "/it").code == "missing_proof"
        assert project("GET", "/it").code == "scope_denied"

    @pytest.mark.parametrize("between", [with_wraps, without_wraps])
    def test_what_one_mark_only_reports_another_refuses(self, project: Project, between: Any) -> None:
        lenient, strict = required(report_only=True), required(scopes="admin")
        project.configure(path("a", lenient(between(strict(secret)))), path("b", strict(between(lenient(secret)))))
        for target in ("/a", "/b"):
            assert project.unsigned("GET", target).code == "missing_proof"
            assert project("GET", target).code == "scope_denied"

    @pytest.mark.parametrize("between", [with_wraps, without_wraps])
    def test_a_credential_that_one_mark_forgoes_another_demands(self, project: Project, between: Any) -> None:
        project.configure(path("a", required(credential=False)(between(required(scopes="read")(seen)))))
        assert project("GET", "/a", credential={}).code == "missing_credential"
        assert project("GET", "/a").json == ACCEPTED

    def test_an_async_view_is_held_behind_a_decorator_without_wraps(self, project: Project) -> None:
        def other(view: Any) -> Any:
            async def outer(request: Any) -> Any:
                return await view(request)

            return outer

        project.configure(
            path("a", other(required(scopes="admin")(seen_async))), path("b", other(required(body=True)(seen_async)))
        )
        assert project("GET", "/a").code == "scope_denied"
        assert project("GET", "/b").json == ACCEPTED


class TestClassViews:
    def test_the_class_itself(self, project: Project) -> None:
        @required(scopes="admin")
        class Admin(View):
            def get(self, request: HttpRequest) -> HttpResponse:
                return secret(request)

        @exempt
        class Health(View):
            def get(self, request: HttpRequest) -> HttpResponse:
                return seen(request)

        project.configure(
            path("admin", Admin.as_view()),
            path("health", without_wraps(Health.as_view())),
            path("ok", Health.as_view()),
        )
        assert project("GET", "/admin").code == "scope_denied"
        assert project.unsigned("GET", "/ok").json == NOBODY
        assert project.unsigned("GET", "/health").status == 401

    def test_an_async_class(self, project: Project) -> None:
        @required(scopes="read")
        class Orders(View):
            async def get(self, request: HttpRequest) -> HttpResponse:
                return seen(request)

            @required(scopes="admin")
            async def delete(self, request: HttpRequest) -> HttpResponse:
                return secret(request)

        @required(scopes="admin")
        class Admin(Orders):
            pass

        @exempt
        class Health(View):
            async def get(self, request: HttpRequest) -> HttpResponse:
                return seen(request)

        project.configure(
            path("orders", Orders.as_view()),
            path("admin", Admin.as_view()),
            path("health", Health.as_view()),
            path("hidden", hidden_async(Admin.as_view())),
        )
        assert project("GET", "/orders").json == ACCEPTED
        assert project.unsigned("GET", "/health").json == NOBODY
        assert project("DELETE", "/orders").code == "scope_denied"
        assert project("GET", "/admin").code == "scope_denied"
        assert project("GET", "/hidden").code == "scope_denied"

    @pytest.mark.parametrize("is_async", [False, True])
    def test_method_decorator(self, project: Project, is_async: bool) -> None:
        async def get_async(self: View, request: HttpRequest) -> HttpResponse:
            return seen(request)

        def get(self: View, request: HttpRequest) -> HttpResponse:
            return seen(request)

        methods = dict.fromkeys(("get", "put"), get_async if is_async else get)
        admin, read = required(scopes="admin"), required(scopes="read")
        of_class: Any = method_decorator(admin, name="dispatch")(type("OfClass", (View,), methods))
        open_class: Any = method_decorator(exempt, name="dispatch")(type("OpenClass", (View,), methods))
        of_method: Any = method_decorator(admin, name="put")(type("OfMethod", (View,), methods))
        again: Any = method_decorator([admin, read], name="dispatch")(type("Again", (open_class,), {}))
        more: Any = method_decorator(admin, name="dispatch")(
            type("More", (method_decorator(read, name="dispatch")(type("Base", (View,), methods)),), {})
        )
        project.configure(
            path("of-class", of_class.as_view()),
            path("open", open_class.as_view()),
            path("of-method", of_method.as_view()),
            path("again", again.as_view()),
            path("more", more.as_view()),
        )
        assert project("GET", "/of-class").code == "scope_denied"
        assert project.unsigned("GET", "/open").json == NOBODY
        assert project("GET", "/of-method").json == ACCEPTED
        assert project("PUT", "/of-method").code == "scope_denied"
        assert project.unsigned("GET", "/again").code == "missing_proof"
        assert project("GET", "/again").code == "scope_denied"
        assert project("GET", "/more").code == "scope_denied"

    def test_a_method_can_demand_more_and_cannot_loosen(self, project: Project) -> None:
        class Orders(View):
            @exempt
            def get(self, request: HttpRequest) -> HttpResponse:
                return seen(request)

            @required(scopes="write", body=True)
            def post(self, request: HttpRequest) -> HttpResponse:
                return seen(request)

        project.configure(path("orders", Orders.as_view()))
        assert project.unsigned("GET", "/orders").code == "missing_proof"
        assert project("POST", "/orders", body=b"1").json == ACCEPTED
        assert project("POST", "/orders").json == ACCEPTED
        assert project("POST", "/orders", body=b"1", bind_body=False).code == "wrong_digest"

    def test_a_method_is_held_in_a_class_that_is_loosened(self, project: Project) -> None:
        class Base(View):
            @required(scopes="admin")
            def get(self, request: HttpRequest) -> HttpResponse:
                return secret(request)

        open_class = exempt(type("Open", (Base,), {}))
        reported = required(report_only=True)(type("Reported", (Base,), {}))
        project.configure(path("open", open_class.as_view()), path("reported", reported.as_view()))
        for target in ("/open", "/reported"):
            assert project.unsigned("GET", target).code == "missing_proof"
            assert project("GET", target).code == "scope_denied"

    def test_a_subclass_inherits_what_tightens_and_not_what_loosens(self, project: Project) -> None:
        @required(scopes="admin")
        class Admin(View):
            def get(self, request: HttpRequest) -> HttpResponse:
                return secret(request)

        class Plain(Admin):
            pass

        class Own(Admin):
            def dispatch(self, request: Any, *_: Any, **__: Any) -> HttpResponse:
                return secret(request)

        @exempt
        class Health(View):
            def get(self, request: HttpRequest) -> HttpResponse:
                return seen(request)

        class More(Health):
            pass

        project.configure(*(path(view.__name__, view.as_view()) for view in (Plain, Own, Health, More)))
        assert project.unsigned("GET", "/Health").status == 200
        assert project.unsigned("GET", "/More").status == 401
        assert project("GET", "/Plain").code == "scope_denied"
        assert project("GET", "/Own").code == "scope_denied"


def hidden_async(view: Any) -> Any:
    async def outer(request: Any) -> Any:
        return await view(request)

    return outer


class TestTheViewThatRuns:
    """The view that the URL led to before the check need not be the one that runs."""

    @pytest.mark.parametrize("changed", ["rewrites_path", "swaps_urls"])
    def test_an_exemption_that_the_running_view_does_not_have_is_not_used(self, project: Project, changed: str) -> None:
        project.configure(
            path("health", exempt(seen)), path("orders", seen), path("admin", required(scopes="admin")(secret)),
            middleware=[MIDDLEWARE, f"{HERE}.{changed}"],
        )  # fmt: skip
        assert project.unsigned("GET", "/health").code == "missing_proof"
        assert project.unsigned("GET", "/health", headers={"X-To": "/orders"}).code == "missing_credential"
        assert project("GET", "/health", headers={"X-To": "/orders"}).json == ACCEPTED
        assert project("GET", "/health", headers={"X-To": "/admin"}).code == "scope_denied"
        assert project("GET", "/orders", headers={"X-To": "/admin"}).code == "scope_denied"

    def test_report_only_and_no_credential_are_not_handed_on_either(self, project: Project) -> None:
        project.configure(
            path("beta", required(report_only=True)(seen)),
            path("heartbeat", required(credential=False)(seen)),
            path("orders", seen),
            path("admin", required(scopes="admin")(secret)),
            middleware=[MIDDLEWARE, f"{HERE}.rewrites_path"],
        )
        to_orders, to_admin = {"X-To": "/orders"}, {"X-To": "/admin"}
        assert project.unsigned("GET", "/beta", headers=to_orders).code == "missing_credential"
        assert project("GET", "/beta", headers=to_orders).json == ACCEPTED
        assert project("GET", "/beta", headers=to_admin).code == "scope_denied"
        assert project("GET", "/heartbeat", credential={}, headers=to_orders).code == "missing_credential"
        assert project("GET", "/heartbeat", headers=to_orders).json == ACCEPTED

    def test_a_mark_that_is_seen_only_then_tightens(self, project: Project) -> None:
        project.configure(
            path("admin", required(scopes="admin")(secret)), path("read", required(scopes="read")(seen)),
            middleware=[MIDDLEWARE, f"{HERE}.rewrites_path"],
        )  # fmt: skip
        assert project("GET", "/nowhere", headers={"X-To": "/admin"}).code == "scope_denied"
        assert project("GET", "/nowhere", headers={"X-To": "/read"}).json == ACCEPTED

    def test_the_urls_that_an_earlier_middleware_chose_count(self, project: Project) -> None:
        project.configure(path("orders", seen), middleware=[f"{HERE}.swaps_urls", MIDDLEWARE])
        assert project.unsigned("GET", "/health", headers={"X-To": "/open"}).json == NOBODY
        assert project.unsigned("GET", "/orders", headers={"X-To": "/open"}).status == 401


@sync_and_async_middleware
def rewrites_path(get_response: Any) -> Any:
    def rewrite(request: HttpRequest) -> HttpRequest:
        request.path_info = request.headers.get("X-To", "/orders")
        return request

    async def rewritten(request: HttpRequest) -> Any:
        return await get_response(rewrite(request))

    return rewritten if iscoroutinefunction(get_response) else lambda request: get_response(rewrite(request))


@sync_and_async_middleware
def swaps_urls(get_response: Any) -> Any:
    def swap(request: Any) -> Any:
        to = request.headers.get("X-To", "/orders")
        views = {"/orders": seen, "/admin": required(scopes="admin")(secret), "/open": exempt(seen)}
        request.urlconf = (
            (path(request.path_info[1:], views[to]),) if request.path_info != "/orders" or to == "/admin" else None
        )
        return request

    async def swapped(request: Any) -> Any:
        return await get_response(swap(request))

    return swapped if iscoroutinefunction(get_response) else lambda request: get_response(swap(request))


class TestWithoutTheMiddleware:
    @pytest.mark.parametrize("view", [seen, seen_async])
    def test_a_required_view_never_runs(self, project: Project, view: Any) -> None:
        project.configure(path("it", required()(view)), middleware=[])
        assert project("GET", "/it").status == 500

    def test_the_error_says_what_to_write(self) -> None:
        with pytest.raises(ImproperlyConfigured, match=r"add mfa_middleware\.django\.MFAMiddleware to MIDDLEWARE"):
            required()(secret)(RequestFactory().get("/it"))

    def test_a_function_that_gets_no_request_cannot_be_held(self) -> None:
        unheld: Callable[[int], int] = required()(lambda n: n)
        with pytest.raises(ImproperlyConfigured, match="gets no request"):
            unheld(7)

    def test_a_request_that_was_not_checked_has_no_machine(self) -> None:
        assert machine_of(RequestFactory().get("/it")) is None


class TestOuterMiddleware:
    """`wsgi.MFAMiddleware` or `asgi.MFAMiddleware` around the project makes the one check."""

    def test_it_is_not_made_twice(self, project: Project) -> None:
        project.configure(path("orders", seen), path("admin", required(scopes="admin")(secret)))
        service = open_service()
        around: Any = wsgi.MFAMiddleware if project.kind == "wsgi" else asgi.MFAMiddleware
        project._handler = around(project._handler, service=service)
        assert project("GET", "/orders").json == ACCEPTED
        assert project("GET", "/admin").code == "scope_denied"
        assert project.unsigned("GET", "/orders").code == "missing_proof"


class TestAsync:
    def test_nothing_of_the_check_leaves_the_event_loop(self, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        threads = set()
        serve_with(monkeypatch, service_of(caller, on_event=lambda _: threads.add(threading.get_ident())))
        project = Project("asgi", caller).configure(path("orders", required(scopes="read")(seen_async)))
        threads.clear()
        assert project("GET", "/orders").json == ACCEPTED
        assert project.unsigned("GET", "/orders").status == 401
        assert threads == {threading.get_ident()}
        project.close()

    def test_the_hooks_are_of_the_kind_that_django_runs(self, caller: Caller) -> None:
        async def get_response(_request: HttpRequest) -> HttpResponse:
            return HttpResponse()

        asynchronous = MFAMiddleware(get_response, service=service_of(caller))
        synchronous = MFAMiddleware(lambda _: HttpResponse(), service=service_of(caller))
        assert iscoroutinefunction(asynchronous)
        assert iscoroutinefunction(asynchronous.process_view)
        assert not iscoroutinefunction(synchronous)
        assert not iscoroutinefunction(synchronous.process_view)

    def test_a_middleware_that_is_only_sync_may_stand_beside_it(self, caller: Caller) -> None:
        for order in ([MIDDLEWARE, f"{HERE}.only_sync"], [f"{HERE}.only_sync", MIDDLEWARE]):
            project = Project("asgi", caller).configure(
                path("orders", required(scopes="read")(seen_async)), middleware=order
            )
            assert project("GET", "/orders").json == ACCEPTED
            assert project.unsigned("GET", "/orders").status == 401
            project.close()


def only_sync(get_response: Any) -> Any:
    return lambda request: get_response(request)


class TestBodies:
    def read_by(self, project: Project, read: Any, **mfa: Any) -> Project:
        view = required(body=True)(lambda request: JsonResponse(read(request), safe=False))
        return project.configure(path("it", view), mfa=mfa)

    @pytest.fixture(params=["whole", "in pieces"])
    def post(self, request: pytest.FixtureRequest, project: Project) -> Callable[..., Answer]:
        def send(body: bytes, content_type: str = "text/plain") -> Any:
            pieces = None if request.param == "whole" else [body[n : n + 7] for n in range(0, len(body), 7)]
            return project("POST", "/it", body=body, pieces=pieces, headers={"Content-Type": content_type})

        return send

    def test_json(self, project: Project, post: Any) -> None:
        self.read_by(project, lambda request: json.loads(request.body))
        assert post(b'{"a": [1, 2]}', "application/json").json == {"a": [1, 2]}

    def test_form(self, project: Project, post: Any) -> None:
        self.read_by(project, lambda request: request.POST.dict())
        assert post(b"a=1&b=%C3%A4", "application/x-www-form-urlencoded").json == {"a": "1", "b": "ä"}

    def test_multipart(self, project: Project, post: Any) -> None:
        self.read_by(project, lambda request: [request.POST["a"], request.FILES["f"].read().hex()])
        body = (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n\x00\xff\r\n--x--\r\n'
        )
        assert post(body, "multipart/form-data; boundary=x").json == ["1", "00ff"]

    def test_streamed_by_the_view(self, project: Project, post: Any) -> None:
        self.read_by(
            project, lambda request: [request.read(3).decode(), request.readline().decode(), len(request.read())]
        )
        assert post(b"first line\n" + b"x" * 100_000).json == ["fir", "st line\n", 100_000]

    def test_too_large_to_be_bound(self, project: Project, post: Any) -> None:
        self.read_by(project, lambda request: len(request.body), BODY_LIMIT=100)
        refused = post(b"x" * 101)
        assert (refused.status, refused.code) == (413, "body_too_large")
        assert post(b"x" * 100).json == 100

    def test_what_says_that_it_is_too_large_is_not_even_read(self, caller: Caller) -> None:
        project = self.read_by(Project("wsgi", caller), lambda _: 0, BODY_LIMIT=100)
        headers = caller.headers("POST", "http://localhost/it", body=b"x")
        source = io.BytesIO(b"x" * 101)
        server = {"CONTENT_LENGTH": "101", "wsgi.input": source}
        assert project.unsigned("POST", "/it", headers=headers, server=server).code == "body_too_large"
        assert source.tell() == 0
        project.close()

    def test_too_large_in_report_mode_is_still_whole(self, project: Project, post: Any) -> None:
        self.read_by(project, lambda request: request.body.decode(), BODY_LIMIT=100, MODE="report")
        assert post(b"0123456789" * 25).json == "0123456789" * 25

    def test_another_body_than_the_signed_one_is_refused(self, project: Project, caller: Caller) -> None:
        project.configure(path("it", seen))
        headers = caller.headers("POST", "http://localhost/it", body=b"12 apples")
        assert project.unsigned("POST", "/it", headers=headers, body=b"99 apples").code == "wrong_digest"

    def test_a_body_that_nobody_bound_is_not_touched(self, project: Project) -> None:
        project.configure(
            path("it", lambda request: JsonResponse([request._read_started, request.body.decode()], safe=False))
        )
        assert project("POST", "/it", body=b"12 apples", bind_body=False).json == [False, "12 apples"]

    @pytest.mark.parametrize("limit", [100, 5])
    def test_a_body_that_a_middleware_kept_before_is_bound_all_the_same(self, project: Project, limit: int) -> None:
        order = [f"{HERE}.keeps_body", MIDDLEWARE]
        project.configure(
            path("it", lambda request: HttpResponse(request.body)), middleware=order, mfa={"BODY_LIMIT": limit}
        )
        answer = project("POST", "/it", body=b"12 apples")
        assert (answer.code == "body_too_large") if limit == 5 else (answer.body == b"12 apples")

    def test_a_body_that_a_middleware_used_up_before_cannot_be_bound(self, project: Project) -> None:
        project.configure(path("it", seen), middleware=[f"{HERE}.uses_body_up", MIDDLEWARE])
        assert project("POST", "/it", body=b"12 apples").code == "wrong_digest"

    @pytest.mark.parametrize("length", ["", "x"])
    def test_without_a_marked_end_an_unknown_length_is_no_body(self, caller: Caller, length: str) -> None:
        project = self.read_by(Project("wsgi", caller), lambda request: len(request.read()))
        headers = caller.headers("POST", "http://localhost/it")
        server = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(b"of the next request")}
        assert project.unsigned("POST", "/it", headers=headers, server=server).json == 0
        project.close()


@sync_and_async_middleware
def keeps_body(get_response: Any) -> Any:
    def keep(request: HttpRequest) -> HttpRequest:
        assert request.body
        return request

    async def kept(request: HttpRequest) -> Any:
        return await get_response(keep(request))

    return kept if iscoroutinefunction(get_response) else lambda request: get_response(keep(request))


@sync_and_async_middleware
def uses_body_up(get_response: Any) -> Any:
    def use(request: HttpRequest) -> HttpRequest:
        request.read()
        return request

    async def used(request: HttpRequest) -> Any:
        return await get_response(use(request))

    return used if iscoroutinefunction(get_response) else lambda request: get_response(use(request))


class TestRequests:
    """What the core is told of the request."""

    @pytest.mark.parametrize(
        "target", ["/orders/a%2Fb", "/orders/%C3%A4", "/orders//x;y", "/orders/%41%7e", "/orders/%FF"]
    )
    def test_paths_count_as_they_stood_on_the_wire(self, project: Project, target: str) -> None:
        project.configure(re_path("(?s)^orders/.*$", seen))
        raw: dict[str, Any] = {"RAW_URI": target} if project.kind == "wsgi" else {"path": "/orders/x"}
        headers = project.caller.headers("GET", project.base + target)
        assert project.unsigned("GET", target, headers=headers, server=raw).json == ACCEPTED

    @pytest.mark.parametrize("target", ["/orders/%C3%A4 b", "/orders//x;y"])
    def test_a_server_that_hides_the_raw_path(self, project: Project, target: str) -> None:
        project.configure(re_path("^orders/.*$", seen))
        hidden: dict[str, Any] = {"raw_path": None}
        if project.kind == "wsgi":
            hidden = {"RAW_URI": "", "REQUEST_URI": ""}
        target = target.replace(" ", "%20")
        headers = project.caller.headers("GET", project.base + target)
        assert project.unsigned("GET", target, headers=headers, server=hidden).json == ACCEPTED
        slash = project.caller.headers("GET", project.base + "/orders/a%2Fb")
        assert project.unsigned("GET", "/orders/a%2Fb", headers=slash, server=hidden).code == "wrong_target"

    def test_a_mounted_project_sees_its_whole_path(self, project: Project) -> None:
        project.configure(path("orders", seen), path("health", exempt(seen)))
        mounted: dict[str, Any] = {"root_path": "/api"}
        if project.kind == "wsgi":
            mounted = {"SCRIPT_NAME": "/api", "PATH_INFO": "/orders", "RAW_URI": "", "REQUEST_URI": ""}
        headers = project.caller.headers("GET", project.base + "/api/orders")
        assert project.unsigned("GET", "/api/orders", headers=headers, server=mounted).json == ACCEPTED
        if project.kind == "wsgi":
            mounted["PATH_INFO"] = "/health"
        assert project.unsigned("GET", "/api/health", server=mounted).json == NOBODY

    def test_a_forced_script_name_is_no_part_of_the_wire(self, caller: Caller) -> None:
        project = Project("wsgi", caller).configure(
            path("orders", seen), mfa={"PATH_PREFIX": "/v1"}, FORCE_SCRIPT_NAME="/v1"
        )
        for hidden in ({}, {"RAW_URI": "", "REQUEST_URI": ""}):
            headers = caller.headers("GET", "http://localhost/v1/orders")
            assert project.unsigned("GET", "/orders", headers=headers, server=hidden).json == ACCEPTED
        project.close()

    def test_the_methods_case_counts(self, project: Project) -> None:
        project.configure(path("orders", seen))
        headers = project.caller.headers("GET", project.base + "/orders")
        assert project.unsigned("get", "/orders", headers=headers).code == "wrong_target"

    def test_a_proxys_word_for_the_scheme_does_not_count(self, project: Project) -> None:
        project.configure(path("orders", seen), SECURE_PROXY_SSL_HEADER=("HTTP_X_SCHEME", "https"))
        assert project("GET", "/orders", headers={"X-Scheme": "https"}).json == ACCEPTED

    @pytest.mark.parametrize("again", [b"x-api-key", b"x_api_key"])
    def test_a_header_given_twice_is_refused(self, caller: Caller, again: bytes) -> None:
        project = Project("asgi", caller).configure(path("orders", seen))
        signed = caller.headers("GET", "http://localhost/orders")
        lines = [(b"host", b"localhost"), *((k.lower().encode(), v.encode()) for k, v in signed.items())]
        server = {"headers": [*lines, (again, b"another")]}
        assert project.unsigned("GET", "/orders", server=server).code == "wrong_binding"
        assert project.unsigned("GET", "/orders", server={"headers": lines}).json == ACCEPTED
        project.close()

    @pytest.mark.parametrize("name", ["0.0.0.0", "::", "some.host.example", "localhost"])
    def test_a_server_that_listens_everywhere_or_under_a_name_was_reached_on_the_peers_side(
        self, caller: Caller, name: str
    ) -> None:
        project = Project("wsgi", caller).configure(path("orders", seen))
        for peer, status in (("192.0.2.1", 401), ("127.0.0.1", 200)):
            signed = caller.headers("GET", "http://localhost/orders")
            server = {"SERVER_NAME": name, "REMOTE_ADDR": peer}
            assert project.unsigned("GET", "/orders", headers=signed, server=server).status == status
        project.close()


class TestAnswers:
    @pytest.fixture
    def clock(self, project: Project, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> ManualClock:
        clock = caller.clock = ManualClock()
        serve_with(monkeypatch, service_of(caller, clock=clock))
        project.configure(path("orders", seen), path("late", hidden_async(required(nonce=True)(seen_async))))
        return clock

    def test_an_accepted_answer_renews_a_nonce_past_half_its_life(self, project: Project, clock: ManualClock) -> None:
        nonce = project("GET", "/late").headers["dpop-nonce"]
        clock.now += 10
        young = project("GET", "/orders", nonce=nonce)
        clock.now += 60
        old = project("GET", "/orders", nonce=nonce)
        assert (young.json, old.json) == (ACCEPTED, ACCEPTED)
        assert "dpop-nonce" not in young.headers
        assert project("GET", "/late", nonce=old.headers["dpop-nonce"]).json == ACCEPTED

    @pytest.mark.usefixtures("clock")
    def test_scripts_of_other_origins_may_read_the_nonce_and_the_challenge(self, project: Project) -> None:
        origin = {"Origin": "https://app.example"}
        exposed = "access-control-expose-headers"
        for target in ("/orders", "/late"):
            assert project("GET", target, headers=origin).headers[exposed] == "DPoP-Nonce, WWW-Authenticate"
            assert exposed not in project("GET", target).headers
