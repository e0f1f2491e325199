"""The WSGI face: one line around Flask, Django, Pyramid, Bottle or any WSGI app.

app.wsgi_app = MFAMiddleware(app.wsgi_app, origins="https://api.example.com")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from werkzeug.datastructures import Headers

from mfa_middleware.challenge import Answer, with_exposed_headers
from mfa_middleware.decision import Decision
from mfa_middleware.http import Request, address
from mfa_middleware.route import PROTECTED
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings
from mfa_middleware.wsgi_body import read_body

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["KEY", "MFAMiddleware", "complete_headers", "request_of"]

KEY: Final = "mfa"
"""The key of the Decision in the WSGI environment."""
_SAFE: Final = "/:@!$&'()*+,;=~"


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
            return _respond(answer, environ, start_response)
        environ[KEY] = decision
        if decision.nonce is not None or cors:
            start_response = _completing(start_response, decision.nonce, cors=cors)
        return self.app(environ, start_response)


def request_of(environ: WSGIEnvironment) -> Request:
    """The request of a WSGI environment (PEP 3333), as the core sees it."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    root, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
    return Request(
        method=environ["REQUEST_METHOD"],
        scheme=environ["wsgi.url_scheme"],
        raw_path=raw.partition("?")[0] if raw else quote((root + path).encode("latin-1"), safe=_SAFE),
        query=environ.get("QUERY_STRING", "").encode("latin-1"),
        headers=_headers(environ),
        routed_path=path.encode("latin-1").decode("utf-8", "replace"),
        root=quote(root.encode("latin-1"), safe=_SAFE),
        exact=bool(raw),
        peer=environ.get("REMOTE_ADDR"),
        local=_local(environ),
    )


def _headers(environ: MutableMapping[str, Any]) -> Iterable[tuple[bytes, bytes]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].lower().replace("_", "-").encode("latin-1"), value.encode("latin-1")
        elif name in ("CONTENT_LENGTH", "CONTENT_TYPE") and value:
            yield name.lower().replace("_", "-").encode("latin-1"), value.encode("latin-1")


def _local(environ: WSGIEnvironment) -> str | None:
    """The address the server listens on. One that tells a name or listens everywhere was reached on the peer's side."""
    name = environ.get("SERVER_NAME", "")
    listens_on_one = address(name) is not None and name not in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return name if listens_on_one else environ.get("REMOTE_ADDR")


def _respond(answer: Answer, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response(answer.status_line, list(answer.headers))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]


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
