"""The WSGI face: one line around Flask, Django, Pyramid, Bottle or any WSGI app.

app.wsgi_app = MFAMiddleware(app.wsgi_app, origins="https://api.example.com")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from werkzeug.datastructures import Headers

from mfa_middleware.challenge import with_exposed_headers
from mfa_middleware.decision import Decision
from mfa_middleware.route import PROTECTED
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings
from mfa_middleware.wsgi_body import read_body
from mfa_middleware.wsgi_firewall import FIREWALL_KEY, Firewall
from mfa_middleware.wsgi_request import request_of, respond

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["FIREWALL_KEY", "KEY", "Firewall", "MFAMiddleware", "complete_headers", "request_of"]

KEY: Final = "mfa"
"""The key of the Decision in the WSGI environment."""


class MFAMiddleware:
    """Asks every request for a proof by an enrolled machine.

    `settings`: the options of `Settings`, over the environment; or one `service` that is already built.
    Raises ConfigurationError where a setting is wrong.
    """

    def __init__(self, app: WSGIApplication, /, *, service: Service | None = None, **settings: Any) -> None:
        self.app = app
        self.service = service or Service(Settings.load(settings))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if isinstance(environ.get(KEY), Decision):
            return self.app(environ, start_response)
        decision = self.service.decide(request_of(environ), PROTECTED, lambda limit: read_body(environ, limit))
        cors = "HTTP_ORIGIN" in environ
        if not decision.allowed and decision.refusal is not None:
            answer = self.service.answer(decision.refusal, nonce=decision.nonce, cors=cors)
            return respond(answer, environ, start_response)
        environ[KEY] = decision
        if decision.nonce is not None or cors:
            start_response = _completing(start_response, decision.nonce, cors=cors)
        return self.app(environ, start_response)


def complete_headers(headers: Headers, nonce: str | None, *, cors: bool) -> None:
    """Add the new nonce, and expose it where the app answers a script of another origin."""
    if nonce is not None:
        headers["DPoP-Nonce"] = nonce
    if cors and "Access-Control-Allow-Origin" in headers:
        existing = ",".join(headers.getlist("Access-Control-Expose-Headers"))
        headers["Access-Control-Expose-Headers"] = with_exposed_headers(existing)


def _completing(start_response: StartResponse, nonce: str | None, *, cors: bool) -> StartResponse:
    def complete(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        completed = Headers(headers)
        complete_headers(completed, nonce, cors=cors)
        return start_response(status, completed.to_wsgi_list(), exc_info)

    return complete
