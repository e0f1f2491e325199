"""The routes of the example project."""

from __future__ import annotations

from django.urls import path

from examples.django_app import views

urlpatterns = [
    path("health", views.health),
    path("orders", views.Orders.as_view()),
    path("orders/<path:order_id>", views.order),
    path("search", views.search),
    path("admin", views.admin),
    path("payments", views.pay),
    path("beta", views.beta),
    path("internal", views.internal),
    path("heartbeat", views.heartbeat),
]
