from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.urls import path
from django.utils.decorators import method_decorator

from mfa_middleware.django import exempt, required
from mfa_middleware.errors import ConfigurationError

from .callers import Caller
from .django_project import Project

rest_framework = pytest.importorskip("rest_framework")

from rest_framework.decorators import api_view, authentication_classes, permission_classes  # noqa: E402
from rest_framework.permissions import AllowAny, IsAuthenticated  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.throttling import UserRateThrottle  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework.viewsets import ViewSet  # noqa: E402

from mfa_middleware.django.rest_framework import HasMachineScopes, MachineAuthentication, MachineUser  # noqa: E402


@pytest.fixture
def project(machines: Path) -> Iterator[Project]:
    made = Project("wsgi", Caller(machines, entry={"scopes": ["read"], "name": "the depot"}))
    yield made
    made.close()


class Orders(APIView):
    authentication_classes = (MachineAuthentication,)
    permission_classes: tuple[Any, ...] = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user), "auth": request.auth.id if request.auth else None})

    def post(self, request: Request) -> Response:
        return Response(request.data)


class Scoped(Orders):
    permission_classes = (HasMachineScopes,)
    required_scopes: Any = ("read",)


class Admin(Scoped):
    required_scopes = "read admin"


class TestAuthentication:
    def test_the_machine_is_the_user_and_the_auth(self, project: Project) -> None:
        project.configure(path("orders", Orders.as_view()))
        assert project("GET", "/orders").json == {"user": "depot", "auth": "depot"}
        assert project.unsigned("GET", "/orders").code == "missing_proof"

    def test_a_machine_is_a_user_without_permissions(self, project: Project) -> None:
        seen: list[MachineUser] = []

        class Keeps(Orders):
            def get(self, request: Request) -> Response:
                seen.append(request.user)
                return Response()

        project.configure(path("orders", Keeps.as_view()))
        project("GET", "/orders")
        project("GET", "/orders")
        user, again = seen
        assert (user.pk, user.id, user.username, user.get_username()) == ("depot",) * 4
        assert (user.is_authenticated, user.is_active, user.is_anonymous, user.is_staff) == (True, True, False, False)
        assert user.machine.name == "the depot"
        assert (user.has_perm("shop.add_order"), user.has_module_perms("shop")) == (False, False)
        assert (user.has_perms([]), user.has_perms(["shop.add_order"])) == (True, False)
        assert user == again
        assert len({user, again}) == 1
        assert user != "depot"

    def test_an_exempt_view_has_no_user(self, project: Project) -> None:
        open_view = api_view(["GET"])(
            authentication_classes([MachineAuthentication])(
                permission_classes([AllowAny])(lambda request: Response({"auth": request.auth, "user": request.user}))
            )
        )
        project.configure(path("open", exempt(open_view)), path("orders", exempt(Orders.as_view())))
        assert project.unsigned("GET", "/open").json == {"auth": None, "user": None}
        refused = project.unsigned("GET", "/orders")
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith('DPoP algs="')

    def test_throttles_count_each_machine(self, project: Project) -> None:
        class Once(UserRateThrottle):
            rate = "1/day"

        class Throttled(Orders):
            throttle_classes = (Once,)

        cache.clear()
        other = Caller(project.caller.machines, "press")
        project.configure(path("orders", Throttled.as_view()))
        assert [project("GET", "/orders").status for _ in range(2)] == [200, 429]
        project.caller = other
        assert [project("GET", "/orders").status for _ in range(2)] == [200, 429]

    def test_without_the_middleware_nobody_is_authenticated(self, project: Project) -> None:
        project.configure(path("orders", Orders.as_view()), middleware=[])
        assert project("GET", "/orders").status == 500
        with pytest.raises(ImproperlyConfigured, match="MFAMiddleware to MIDDLEWARE"):
            MachineAuthentication().authenticate(Request(RequestFactory().get("/")))


class TestScopes:
    def test_scopes_of_the_view_are_the_machines(self, project: Project) -> None:
        project.configure(path("scoped", Scoped.as_view()), path("admin", Admin.as_view()))
        assert project("GET", "/scoped").status == 200
        refused = project("GET", "/admin")
        assert (refused.status, refused.json) == (403, {"detail": "This machine may not do this."})

    def test_an_exempt_view_that_demands_scopes_demands_a_proof(self, project: Project) -> None:
        project.configure(path("scoped", exempt(Scoped.as_view())), path("admin", exempt(Admin.as_view())))
        assert project.unsigned("GET", "/scoped").status == 401
        assert project("GET", "/scoped").status == 200
        assert project("GET", "/admin").status == 401

    def test_in_report_mode_nothing_is_refused(self, project: Project) -> None:
        project.configure(path("admin", Admin.as_view()), mfa={"MODE": "report"})
        assert project("GET", "/admin").json == {"user": "depot", "auth": "depot"}
        assert project.unsigned("GET", "/admin").json == {"user": "None", "auth": None}

    def test_a_view_that_names_no_scopes_is_an_error(self, project: Project) -> None:
        class Unnamed(Orders):
            permission_classes = (HasMachineScopes,)

        project.configure(path("unnamed", Unnamed.as_view()))
        assert project("GET", "/unnamed").status == 500

    def test_a_refused_alternative_does_not_unseat_the_machine(self, project: Project) -> None:
        class Either(Admin):
            permission_classes = (HasMachineScopes | IsAuthenticated,)

        project.configure(path("either", Either.as_view()))
        assert project("GET", "/either").json == {"user": "depot", "auth": "depot"}


class TestMarks:
    def test_required_on_views_methods_and_view_sets(self, project: Project) -> None:
        admin = required(scopes="admin")

        class Deletes(Orders):
            @admin
            def delete(self, request: Request) -> Response:
                return Response("gone")

            @method_decorator(admin)
            def put(self, request: Request) -> Response:
                return Response("put")

        @exempt
        class Items(ViewSet):
            permission_classes = (AllowAny,)

            def list(self, request: Request) -> Response:
                return Response("items")

            @required(scopes="read")
            def create(self, request: Request) -> Response:
                return Response("made")

        function = api_view(["GET"])(lambda request: Response("secret"))
        project.configure(
            path("class", admin(type("Marked", (Orders,), {})).as_view()),
            path("function", admin(function)),
            path("orders", Deletes.as_view()),
            path("items", Items.as_view({"get": "list", "post": "create"})),
        )
        assert project("GET", "/class").code == "scope_denied"
        assert project("GET", "/function").code == "scope_denied"
        assert project("GET", "/orders").status == 200
        assert project("DELETE", "/orders").code == "scope_denied"
        assert project("PUT", "/orders").code == "scope_denied"
        assert project.unsigned("GET", "/items").json == "items"
        assert project.unsigned("POST", "/items").code == "missing_proof"
        assert project("POST", "/items").json == "made"

    @pytest.mark.parametrize("pieces", [None, [b'{"a"', b": 1}"]])
    def test_data_is_whole_after_it_was_bound(self, project: Project, pieces: Any) -> None:
        project.configure(path("orders", required(body=True)(Orders.as_view())))
        json = {"Content-Type": "application/json"}
        assert project("POST", "/orders", body=b'{"a": 1}', pieces=pieces, headers=json).json == {"a": 1}
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert project("POST", "/orders", body=b"a=1", headers=form).json == {"a": "1"}


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mfa_middleware.django.rest_framework")
    monkeypatch.setitem(sys.modules, "rest_framework.authentication", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'mfa_middleware\[drf\]'"):
        import mfa_middleware.django.rest_framework  # noqa: F401
