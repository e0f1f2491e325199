"""A Django request as the core sees it, from what the server gave: the WSGI environment or the ASGI scope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from mfa_middleware.decision import Decision
from mfa_middleware.http import Request, address

__all__ = ["has_origin", "outer_decision", "request_of"]

_SAFE: Final = "/:@!$&'()*+,;=~"
_KEY: Final = "mfa"


def request_of(request: HttpRequest) -> Request:
    """The request, with its raw path where the server gives one, and nothing that a proxy's headers say."""
    return _of_scope(request) if isinstance(request, ASGIRequest) else _of_environ(request)


def outer_decision(request: HttpRequest) -> Decision | None:
    """The decision of `wsgi.MFAMiddleware` or `asgi.MFAMiddleware` around the whole project, where there is one."""
    state = request.scope.get("state", {}) if isinstance(request, ASGIRequest) else request.META
    decision = state.get(_KEY)
    return decision if isinstance(decision, Decision) else None


def has_origin(request: HttpRequest) -> bool:
    """Whether a script of another origin may be the caller."""
    return "HTTP_ORIGIN" in request.META


def _of_scope(request: ASGIRequest) -> Request:
    scope: Mapping[str, Any] = request.scope
    raw, query = scope.get("raw_path"), scope.get("query_string", b"")
    client, server = scope.get("client"), scope.get("server")
    return Request(
        method=scope["method"],
        scheme=scope.get("scheme", "http"),
        raw_path=raw.partition(b"?")[0].decode("latin-1") if raw else _quoted(request.path),
        query=query.encode() if isinstance(query, str) else query,
        headers=scope.get("headers", ()),
        routed_path=request.path_info,
        root=_quoted(scope.get("root_path", "")),
        exact=bool(raw),
        peer=client[0] if client else None,
        local=server[0] if server else None,
    )


def _of_environ(request: HttpRequest) -> Request:
    environ = request.META
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    # FORCE_SCRIPT_NAME is a prefix that was stripped before the server; the server saw the path without it.
    path = request.path if settings.FORCE_SCRIPT_NAME is None else request.path_info
    return Request(
        method=environ.get("REQUEST_METHOD", "GET"),
        scheme=environ.get("wsgi.url_scheme", "http"),
        raw_path=raw.partition("?")[0] if raw else _quoted(path),
        query=environ.get("QUERY_STRING", "").encode("latin-1"),
        headers=_headers(environ),
        routed_path=request.path_info,
        root=_quoted(path.removesuffix(request.path_info)),
        exact=bool(raw),
        peer=environ.get("REMOTE_ADDR"),
        local=_local(environ),
    )


def _quoted(path: str) -> str:
    return quote(path, safe=_SAFE, errors="replace")


def _headers(environ: Mapping[str, Any]) -> Iterable[tuple[bytes, bytes]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].lower().replace("_", "-").encode("latin-1"), value.encode("latin-1")
        elif name in ("CONTENT_LENGTH", "CONTENT_TYPE") and value:
            yield name.lower().replace("_", "-").encode("latin-1"), str(value).encode("latin-1")


def _local(environ: Mapping[str, Any]) -> str | None:
    """The address the server listens on. One that tells a name or listens everywhere was reached on the peer's side."""
    name = environ.get("SERVER_NAME", "")
    listens_on_one = address(name) is not None and name not in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return name if listens_on_one else environ.get("REMOTE_ADDR")
