"""Sign the requests of aiohttp: a client middleware.

    session = aiohttp.ClientSession(middlewares=[machine_middleware("machine.pem")], headers={"X-API-Key": "..."})

It runs below redirects and reconnects: every attempt and every hop carries a proof of its own.
"""

from __future__ import annotations

import io
from typing import Any, Unpack

from mfa_middleware.client.collected import Collected
from mfa_middleware.client.signer import Exchange, KeyOrPath, Signer, SignerOptions, signer_for
from mfa_middleware.client.target import Target
from mfa_middleware.errors import ConfigurationError

try:
    from aiohttp import BytesPayload, ClientHandlerType, ClientMiddlewareType, ClientRequest, ClientResponse, Payload
    from aiohttp.abc import AbstractStreamWriter
except ImportError:
    raise ConfigurationError(
        f"{__name__} needs the aiohttp package (3.12.14 or later): pip install 'mfa_middleware[aiohttp]'"
    ) from None

__all__ = ["machine_middleware"]


def machine_middleware(key: KeyOrPath | Signer, **options: Unpack[SignerOptions]) -> ClientMiddlewareType:
    """A client middleware that signs every request; give it last, so that it is the nearest to the wire.

    key: a key, the path of a key file (made where absent), or a Signer. options: those of `Signer`. A body that
    aiohttp itself compresses is not bound.
    Raises ConfigurationError where the key or an option is wrong; ValueError while a request is sent, where
    `buffer_streams` is set and its body is longer than `body_limit`.
    """
    signer = signer_for(key, options)

    async def sign(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        url = request.url
        target = Target.on_wire(f"{url.scheme}://{url.host_port_subcomponent}", url.raw_path_qs)
        if not signer.signs(target):
            return await handler(request)
        content = await _content(signer, request)
        return await _send(signer.exchange(), target, content, request, handler)

    return sign


async def _send(
    exchange: Exchange, target: Target, content: bytes | None, request: ClientRequest, handler: ClientHandlerType
) -> ClientResponse:
    while True:
        lines = [(name, value.encode("utf-8")) for name, value in request.headers.items()]
        request.headers.update(exchange.headers(request.method, target, lines, content))
        try:
            response = await handler(request)
        finally:
            request.headers.popall("DPoP", None)  # or errors would show it: their repr has the request's headers
        reads = exchange.reads_body(response.status, response.raw_headers)
        body = await response.read() if reads else b""
        if not exchange.learn(response.status, response.raw_headers, body) or _is_consumed(request):
            return response
        response.release()
        await request.close()


def _is_consumed(request: ClientRequest) -> bool:
    return isinstance(request.body, Payload) and request.body.consumed


async def _content(signer: Signer, request: ClientRequest) -> bytes | None:
    """The bytes of the body, None where they are not in hand; then it cannot be bound."""
    body = request.body
    if not isinstance(body, Payload):
        return b""
    if request.compress or not signer.bind_body:
        return None
    if isinstance(body, BytesPayload):
        return bytes(await body.as_bytes())
    if not signer.buffer_streams and (body.size is None or body.size > signer.body_limit):
        return None
    writer = _Writer(signer.body_limit)
    await body.write_with_length(writer, None)
    content = writer.collected.content()
    await request.update_body(io.BytesIO(content))
    return content


class _Writer(AbstractStreamWriter):
    """Takes what a payload would write to the wire."""

    def __init__(self, limit: int) -> None:
        self.collected = Collected(limit)

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self.collected.add(bytes(chunk))

    async def write_eof(self, chunk: bytes = b"") -> None:
        await self.write(chunk)

    async def drain(self) -> None:
        return None

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        raise NotImplementedError

    def enable_chunking(self) -> None:
        raise NotImplementedError

    async def write_headers(self, status_line: str, headers: Any) -> None:
        raise NotImplementedError
