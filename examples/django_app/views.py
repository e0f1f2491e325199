"""The views: what each demands of a machine stands in its mark."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views import View
from django.views.decorators.http import require_POST, require_safe

from mfa_middleware.django import exempt, machine_of, required


@exempt
@require_safe
def health(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


class Orders(View):
    def get(self, request: HttpRequest) -> JsonResponse:
        return _told(request, orders=["1001", "1002"])

    @required(scopes="orders:write", body=True)
    def post(self, request: HttpRequest) -> JsonResponse:
        digest = hashlib.sha256(request.body).hexdigest()
        return _told(request, status=201, received=digest, bytes=len(request.body))


@require_safe
def order(request: HttpRequest, order_id: str) -> JsonResponse:
    return _told(request, order=order_id)


@required(query=True)
@require_safe
def search(request: HttpRequest) -> JsonResponse:
    return _told(request, q=request.GET.get("q", ""))


@required(scopes="admin")
@require_safe
def admin(request: HttpRequest) -> JsonResponse:
    return _told(request)


@required(nonce=True, body=True)
@require_POST
def pay(request: HttpRequest) -> JsonResponse:
    return _told(request, paid=True)


@required(report_only=True)
@require_safe
def beta(request: HttpRequest) -> JsonResponse:
    return _told(request)


@required(networks="10.0.0.0/8")
@require_safe
def internal(request: HttpRequest) -> JsonResponse:
    return _told(request)


@required(credential=False)
@require_safe
def heartbeat(request: HttpRequest) -> JsonResponse:
    return _told(request)


def _told(request: HttpRequest, *, status: int = 200, **more: Any) -> JsonResponse:
    machine = machine_of(request)
    return JsonResponse({"machine": machine.id if machine else None, **more}, status=status)
