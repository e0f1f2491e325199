"""What an app sends in answer to an HTTP request, on its way to the server."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import Message, Scope, Send

from mfa_middleware.asgi_exchange import Exchange
from mfa_middleware.challenge import Answer, with_exposed_headers

__all__ = ["Outgoing", "send_answer", "with_nonce"]

_Headers = list[tuple[bytes, bytes]]


class Outgoing:
    """Completes the app's answer with the new nonce, or puts a refusal in its place.

    A route that refuses a request raises an exception, and each app makes something else of that. So whatever it
    sends, also a 200, gives way to the refusal, as long as nothing was sent before.
    """

    __slots__ = ("_exchange", "_headers", "_refused", "_send", "_started")

    def __init__(self, exchange: Exchange, scope: Scope, send: Send) -> None:
        self._exchange, self._send = exchange, send
        self._headers = scope["headers"]
        self._started = self._refused = False

    def send(self, message: Message) -> Awaitable[None]:
        """Pass on a message of the app."""
        if self._started:
            return self._send(message)
        if not self._exchange.decision.allowed:
            return self._send_refusal()
        if message["type"] == "http.response.start":
            self._started = True
            message = self._completed(message)
        return self._send(message)

    async def refuse(self) -> bool:
        """Send the refusal, once, where the request is refused and the app's answer has not begun."""
        if self._started or self._exchange.decision.allowed:
            return False
        await self._send_refusal()
        return True

    async def _send_refusal(self) -> None:
        answer = None if self._refused else self._exchange.refusal(cors=self._is_cors())
        if answer is not None:
            self._refused = True
            await send_answer(answer, self._send)

    def _is_cors(self) -> bool:
        return b"origin" in dict(self._headers)

    def _completed(self, message: Message) -> Message:
        nonce, cors = self._exchange.decision.nonce, self._is_cors()
        if nonce is None and not cors:
            return message
        headers = with_nonce(list(message.get("headers", ())), nonce)
        return {**message, "headers": _exposed(headers) if cors else headers}


async def send_answer(answer: Answer, send: Send, kind: str = "http.response") -> None:
    """Send an answer of our own; `kind` is the type of its messages, which a refused handshake has another of."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": f"{kind}.start", "status": answer.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": answer.body})


def with_nonce(headers: _Headers, nonce: str | None) -> _Headers:
    """The headers of an accepted answer, with the nonce to use next (RFC 9449 8.2)."""
    return headers if nonce is None else [*headers, (b"dpop-nonce", nonce.encode("ascii"))]


def _exposed(headers: _Headers) -> _Headers:
    """Where the app answers a script of another origin, the script may read our headers too."""
    if not any(name.lower() == b"access-control-allow-origin" for name, _ in headers):
        return headers
    name = b"access-control-expose-headers"
    existing = b",".join(value for key, value in headers if key.lower() == name).decode("latin-1")
    kept = [(key, value) for key, value in headers if key.lower() != name]
    return [*kept, (name, with_exposed_headers(existing).encode("latin-1"))]
