"""The firewall alone as WSGI middleware: one line, and no machine is asked for.

app.wsgi_app = Firewall(app.wsgi_app, jwt_keys="https://issuer.example.com/jwks.json")
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from mfa_middleware.firewall_service import FirewallService
from mfa_middleware.settings import Settings
from mfa_middleware.wsgi_body import read_body
from mfa_middleware.wsgi_request import request_of, respond

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["FIREWALL_KEY", "Firewall"]

FIREWALL_KEY: Final = "mfa.firewall"
"""The key of the Decision in the WSGI environment, with its findings and verified claims."""


class Firewall:
    """Refuses requests whose bearer JWT is an attack, or does not verify, and names every trick in an event.

    `settings`: the options of `Settings`, over the environment; or one `service` that is already built.
    Raises ConfigurationError where a setting is wrong.
    """

    def __init__(self, app: WSGIApplication, /, *, service: FirewallService | None = None, **settings: Any) -> None:
        self.app = app
        self.service = service or FirewallService(Settings.load(settings))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        decision = self.service.decide(request_of(environ), lambda limit: read_body(environ, limit))
        if decision.refusal is not None:
            return respond(self.service.answer(decision.refusal), environ, start_response)
        environ[FIREWALL_KEY] = decision
        return self.app(environ, start_response)
