"""The body of a WSGI request, read early where a proof binds it, and still whole for the app."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from werkzeug.wsgi import get_content_length

from mfa_middleware.errors import Code, Refusal
from mfa_middleware.streams import Chained, read_up_to

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["read_body"]


def read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """The whole body of at most `limit` bytes; `wsgi.input` then gives the app the same bytes again.

    A body of unknown length is read to its end where the server marks that end (`wsgi.input_terminated`), and is
    empty otherwise, as PEP 3333 has it. Raises Refusal (body_too_large).
    """
    stream, length = environ["wsgi.input"], get_content_length(environ)
    if length is None and not environ.get("wsgi.input_terminated", False):
        return b""
    if length is not None and length > limit:
        raise Refusal(Code.BODY_TOO_LARGE, f"the body has {length} bytes, at most {limit} are bound (MFA_BODY_LIMIT)")
    wanted = limit + 1 if length is None else length
    body = read_up_to(stream, wanted)
    if len(body) > limit:
        environ["wsgi.input"] = Chained(body, stream)
        raise Refusal(Code.BODY_TOO_LARGE, f"the body has more than {limit} bytes (MFA_BODY_LIMIT)")
    environ["wsgi.input"] = io.BytesIO(body)
    if length is None:
        environ["CONTENT_LENGTH"] = str(len(body))
    return body
