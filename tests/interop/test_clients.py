"""DPoP clients off the shelf, unmodified, are served by the examples under real servers."""

from __future__ import annotations

import json

from scripts.demo_story.app import App
from tests.interop.clients import Client
from tests.interop.conftest import TOKEN


def test_is_served(app: App, client: Client) -> None:
    status, body = client.send("GET", app.url("/orders"), TOKEN)
    assert (status, bool(json.loads(body)["machine"])) == (200, True)


def test_is_served_with_a_query(app: App, client: Client) -> None:
    status, body = client.send("GET", app.url("/orders/a%20b?page=2&q=%C3%A9"), TOKEN)
    assert (status, json.loads(body)["order"]) == (200, "a b")


def test_is_served_where_a_scope_is_demanded(app: App, client: Client) -> None:
    status, _ = client.send("GET", app.url("/admin"), TOKEN)
    assert status == 200


def test_is_refused_what_its_machine_may_not_do(app: App, client: Client) -> None:
    status, body = client.send("POST", app.url("/orders"), TOKEN)
    assert (status, json.loads(body)["code"]) == (403, "scope_denied")
