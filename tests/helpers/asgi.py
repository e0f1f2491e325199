"""Call an ASGI app message by message, as no test client does: bodies in pieces, clients that go away."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import anyio

__all__ = ["Call", "body_parts", "scope_of"]

GONE = {"type": "http.disconnect"}


def scope_of(path: str, method: str = "GET", *, headers: Iterable[tuple[str, str]] = (), **more: Any) -> dict[str, Any]:
    """An HTTP scope as uvicorn gives it, for a call over loopback."""
    raw, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": raw,
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), *((k.lower().encode(), v.encode()) for k, v in headers)],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
        "state": {},
        **more,
    }


def body_parts(*parts: bytes) -> list[dict[str, Any]]:
    """The messages of a body that comes in these parts."""
    return [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ]


@dataclass
class Call:
    """One call of an app. `incoming` is what the server has to give; after that, it waits for ever."""

    scope: dict[str, Any]
    incoming: list[dict[str, Any]] = field(default_factory=lambda: body_parts(b""))
    sent: list[dict[str, Any]] = field(default_factory=list)
    taken: int = 0

    async def receive(self) -> dict[str, Any]:
        if self.taken == len(self.incoming):
            await anyio.sleep_forever()
        self.taken += 1
        return self.incoming[self.taken - 1]

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def run(self, app: Any, *, seconds: float = 5) -> Call:
        """Call the app, for at most so many seconds."""

        async def call() -> None:
            with anyio.fail_after(seconds):
                await app(self.scope, self.receive, self.send)

        anyio.run(call)
        return self

    @property
    def status(self) -> int:
        started: list[int] = [m["status"] for m in self.sent if m["type"] == "http.response.start"]
        assert len(started) == 1, self.sent
        return started[0]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent if message["type"] == "http.response.body")

    @property
    def json(self) -> Any:
        return json.loads(self.body)
