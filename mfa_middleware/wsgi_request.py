"""A request of a WSGI server as the core sees it, and an answer as the server wants it."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from mfa_middleware.challenge import Answer
from mfa_middleware.http import Request, address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["request_of", "respond"]

_SAFE: Final = "/:@!$&'()*+,;=~"


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


def respond(answer: Answer, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Send an answer in place of the app's."""
    start_response(answer.status_line, list(answer.headers))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]
