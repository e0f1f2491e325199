"""A small API that trusts only enrolled machines: python -m flask --app examples.flask_app.app run."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from flask import Flask, g, request
from werkzeug.routing import BaseConverter

from examples.flask_app import keys
from mfa_middleware.flask import MFA

app = Flask(__name__)
app.url_map.merge_slashes = False
mfa = MFA(app)  # configured by MFA_ variables: MFA_MACHINES, MFA_ORIGINS, ...


class AnyText(BaseConverter):
    """The rest of the path, slashes included."""

    regex = ".+"
    part_isolating = False


app.url_map.converters["any"] = AnyText


@app.get("/health")
@mfa.exempt
def health() -> Any:
    return {"status": "ok"}


@app.get("/orders")
def orders() -> Any:
    return {"machine": machine_id(), "orders": ["1001", "1002"]}


@app.get("/orders/<any:order_id>")
def order(order_id: str) -> Any:
    return {"machine": machine_id(), "order": order_id}


@app.post("/orders")
@mfa.required(scopes="orders:write", body=True)
def create_order() -> Any:
    body = request.get_data()
    return {"machine": machine_id(), "received": hashlib.sha256(body).hexdigest(), "bytes": len(body)}, 201


@app.get("/search")
@mfa.required(query=True)
def search() -> Any:
    return {"machine": machine_id(), "q": request.args.get("q", "")}


@app.get("/admin")
@mfa.required(scopes="admin")
def admin() -> Any:
    return {"machine": machine_id()}


@app.post("/payments")
@mfa.required(nonce=True, body=True)
def pay() -> Any:
    return {"machine": machine_id(), "paid": True}


@app.get("/beta")
@mfa.required(report_only=True)
def beta() -> Any:
    return {"machine": machine_id()}


@app.get("/internal")
@mfa.required(networks="10.0.0.0/8")
def internal() -> Any:
    return {"machine": machine_id()}


@app.get("/heartbeat")
@mfa.required(credential=False)
def heartbeat() -> Any:
    return {"machine": machine_id()}


def machine_id() -> str | None:
    return g.machine.id if g.machine else None


# The first factor stays what it was: the app checks its own keys.


@app.before_request
def check_key() -> Any:
    if request.endpoint in ("health", "beta", "heartbeat"):
        return None
    if keys.accepts(request.headers.get("X-API-Key"), request.headers.get("Authorization")):
        return None
    return {"error": "bad key"}, 401


def show_worker(wsgi_app: Any) -> Any:
    """Add X-Worker to every answer, refusals included, so that a demo sees which process gave it."""

    def shown(environ: Any, start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, ("X-Worker", str(os.getpid()))], exc_info)

        return wsgi_app(environ, start)

    return shown


if os.environ.get("EXAMPLE_SHOW_WORKER") == "1":
    app.wsgi_app = show_worker(app.wsgi_app)  # type: ignore[method-assign]
