"""The body of a Django request, read early where a proof binds it, and still whole for the view."""

# Django has no public way to put a body back, hence:
# ruff: noqa: SLF001
from __future__ import annotations

import io
from typing import Any

from django.http import HttpRequest

from mfa_middleware.errors import Code, Refusal
from mfa_middleware.streams import Chained, read_up_to

__all__ = ["read_body", "read_body_async"]


def read_body(request: HttpRequest, limit: int) -> bytes:
    """The whole body of at most `limit` bytes; `request` then gives it to the view as if it were untouched.

    A chunked body, which Django takes for an empty one under WSGI, becomes readable where the server marks its end
    (`wsgi.input_terminated`). Raises Refusal: body_too_large, or wrong_digest where the body is gone already.
    """
    if hasattr(request, "_body"):
        return _within(request.body, limit)
    if getattr(request, "_read_started", False):
        detail = "a middleware before MFAMiddleware has read the body; move MFAMiddleware up in MIDDLEWARE"
        raise Refusal(Code.WRONG_DIGEST, detail)
    stream: Any = request._stream
    declared = request.META.get("CONTENT_LENGTH") or None
    if declared is None and request.META.get("wsgi.input_terminated"):
        stream = request.META["wsgi.input"]
    if declared is not None and _number(declared) > limit:
        raise _too_large(limit)
    body = read_up_to(stream, limit + 1)
    request._stream = _rewound(stream, body, limit)
    _within(body, limit)
    if declared is None:
        request.META["CONTENT_LENGTH"] = str(len(body))
    return body


async def read_body_async(request: HttpRequest, limit: int) -> bytes:
    """The same as `read_body`: under ASGI, Django has received the whole body before any middleware runs."""
    return read_body(request, limit)


def _rewound(stream: Any, ahead: bytes, limit: int) -> Any:
    if hasattr(stream, "seekable") and stream.seekable():
        stream.seek(0)
        return stream
    return io.BytesIO(ahead) if len(ahead) <= limit else io.BufferedReader(Chained(ahead, stream))


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> Refusal:
    return Refusal(Code.BODY_TOO_LARGE, f"the body has more than {limit} bytes (MFA_BODY_LIMIT)")


def _number(text: object) -> int:
    try:
        return int(str(text))
    except ValueError:
        return 0
