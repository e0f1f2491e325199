"""A Django project made of whatever URLs and settings a test gives, served as WSGI and as ASGI servers do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.test.utils import setup_test_environment
from werkzeug.test import Client

from .callers import CREDENTIAL, Caller

MIDDLEWARE = "mfa_middleware.django.MFAMiddleware"

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="only for tests",
        ROOT_URLCONF=(),
        INSTALLED_APPS=["mfa_middleware.django"],
        REST_FRAMEWORK={"UNAUTHENTICATED_USER": None},
    )
    django.setup()
    setup_test_environment()


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        assert self.headers["content-type"] == "application/problem+json", (self.status, self.body[:2000])
        code: str = self.json["code"]
        return code


class Project:
    """The project under one of the two handlers, and the machine that calls it."""

    base = "http://localhost"

    def __init__(self, kind: str, caller: Caller) -> None:
        self.kind, self.caller = kind, caller
        self._stack = ExitStack()
        self._handler: Any = None

    def configure(self, *urls: Any, middleware: Sequence[str] = (MIDDLEWARE,), mfa: Any = None, **more: Any) -> Project:
        options = {"MACHINES": self.caller.machines, "REPLAY_STORE": "memory:", **(mfa or {})}
        changed = override_settings(ROOT_URLCONF=urls, MIDDLEWARE=list(middleware), MFA=options, **more)
        self._stack.enter_context(changed)
        self._handler = WSGIHandler() if self.kind == "wsgi" else ASGIHandler()
        return self

    def __call__(self, method: str, path: str, *, body: bytes | None = None, **options: Any) -> Answer:
        more = options.pop("headers", {})
        pieces = options.pop("pieces", None)
        headers = {**self.caller.headers(method, self.base + path, body=body, **options), **more}
        return self.unsigned(method, path, headers=headers, body=body, pieces=pieces)

    def unsigned(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = CREDENTIAL,
        body: bytes | None = None,
        pieces: Sequence[bytes] | None = None,
        server: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send a request as it is. `pieces`: its body comes in chunks, of a length that nobody told. `server`: what
        the server says otherwise than here, in the environment or the scope.
        """
        if self.kind == "wsgi":
            return self._wsgi(method, path, headers, body, pieces, server or {})
        return asyncio.run(self._asgi(method, path, headers, body, pieces, server or {}))

    def close(self) -> None:
        self._stack.close()

    def _wsgi(self, method: str, path: str, headers: Any, body: Any, pieces: Any, server: Any) -> Answer:
        environ = {"REMOTE_ADDR": "127.0.0.1", **server}
        if pieces is not None:
            environ |= {"wsgi.input": _Pieces(pieces), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
        given = dict(headers)
        if content_type := given.pop("Content-Type", None):
            environ["CONTENT_TYPE"] = content_type
        answer = Client(self._handler).open(
            path, method=method, base_url=self.base, headers=given, data=body if pieces is None else None,
            environ_overrides=environ,
        )  # fmt: skip
        return Answer(answer.status_code, {k.lower(): v for k, v in answer.headers}, answer.data)

    async def _asgi(self, method: str, path: str, headers: Any, body: Any, pieces: Any, server: Any) -> Answer:
        raw, _, query = path.partition("?")
        lines = [(b"host", b"localhost"), *((k.lower().encode(), v.encode("latin-1")) for k, v in headers.items())]
        if body is not None and pieces is None:
            lines.append((b"content-length", str(len(body)).encode()))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": unquote(raw), "raw_path": raw.encode(), "query_string": query.encode(), "root_path": "",
            "headers": lines, "client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 80), **server,
        }  # fmt: skip
        return await _run(self._handler, scope, pieces if pieces is not None else [body or b""])


class _Pieces:
    """The input of a WSGI server that takes chunks apart; like some of them it gives one piece at a time."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._rest = list(pieces)

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            whole, self._rest = b"".join(self._rest), []
            return whole
        piece = self._rest.pop(0) if self._rest else b""
        if len(piece) > size:
            self._rest.insert(0, piece[size:])
        return piece[:size]

    def readline(self, size: int = -1) -> bytes:
        raise NotImplementedError


async def _run(app: Any, scope: Any, pieces: Sequence[bytes]) -> Answer:
    messages: Iterator[Any] = iter(
        [{"type": "http.request", "body": piece, "more_body": n + 1 < len(pieces)} for n, piece in enumerate(pieces)]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        message = next(messages, None)
        if message is None:
            await asyncio.Event().wait()
        return message

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
