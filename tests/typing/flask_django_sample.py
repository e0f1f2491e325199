"""What a type checker must see through the marks of Flask and Django; checked by test_flask_django_typing.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_type

from django.http import HttpRequest, HttpResponse
from django.views import View
from flask import Blueprint, Flask
from flask.views import MethodView

from mfa_middleware.django import exempt, machine_of, required
from mfa_middleware.flask import MFA
from mfa_middleware.machines import Machine

app = Flask(__name__)
mfa = MFA(app, mode="report")


@app.get("/orders/<int:number>")
@mfa.required(scopes="orders:read", networks=["10.0.0.0/8"])
def order(number: int) -> dict[str, int]:
    return {"number": number}


@mfa.required(scopes=("a", "b"), body=True, query=True, nonce=True, report_only=True, credential=False)
async def order_async(number: int, *, deep: bool = False) -> str:
    return f"{number} {deep}"


@mfa.exempt
def health() -> str:
    return "ok"


@mfa.required(scopes="admin")
class Admin(MethodView):
    def get(self) -> str:
        return "secret"


@mfa.exempt
class Health(MethodView):
    pass


assert_type(order(7), dict[str, int])
assert_type(health, Callable[[], str])
assert_type(Admin().get(), str)
assert_type(Health, type[Health])
assert_type(mfa.exempt(Blueprint("docs", __name__)), Blueprint)


@required(scopes="orders:read", body=True)
def django_order(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(str(number))


@required(nonce=True)
async def django_order_async(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(str(number))


@exempt
def django_health(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


@exempt
class DjangoHealth(View):
    @required(scopes="admin")
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("ok")


async def calls(request: HttpRequest) -> None:
    assert_type(await order_async(7, deep=True), str)
    assert_type(django_order(request, 7), HttpResponse)
    assert_type(await django_order_async(request, 7), HttpResponse)
    assert_type(django_health(request=request), HttpResponse)
    assert_type(DjangoHealth().get(request), HttpResponse)
    assert_type(machine_of(request), Machine | None)


# What follows is wrong, and a type checker must say so: an unused ignore is an error.

mfa.required(scope="orders:read")  # type: ignore[call-arg]
mfa.required(body="yes")  # type: ignore[arg-type]
mfa.required(order)  # type: ignore[call-arg, arg-type]
mfa.exempt(7)  # type: ignore[type-var]
required(networks=10)  # type: ignore[arg-type]
required(7)  # type: ignore[call-arg, arg-type]
order("seven")  # type: ignore[arg-type]
django_order(7)  # type: ignore[call-arg, arg-type]
