"""What httpx and httpx2 share: one generator for each request, and its sync and async drivers.

The generator asks for what it needs (send, read a body, read an answer) and knows no network. A driver for
transports sends to an inner transport; one for auth objects yields to the client.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias

from mfa_middleware.client.collected import Collected
from mfa_middleware.client.signer import Signer
from mfa_middleware.client.target import Target

__all__ = ["Seal", "Steps", "auth_flow", "auth_flow_async", "send", "send_async", "steps"]

_Request: TypeAlias = Any
_Response: TypeAlias = Any

Seal: TypeAlias = Callable[[_Request, str], _Request]
"""seal(request, proof): the request to send with its proof."""


@dataclass(frozen=True, slots=True)
class _Send:
    request: _Request


@dataclass(frozen=True, slots=True)
class _ReadBody:
    stream: Any
    limit: int


@dataclass(frozen=True, slots=True)
class _ReadAnswer:
    response: _Response


@dataclass(frozen=True, slots=True)
class _Close:
    response: _Response


Steps: TypeAlias = Generator[_Send | _ReadBody | _ReadAnswer | _Close, Any, Any]
"""Yields a step, is sent its result, returns the response."""


def steps(library: ModuleType, signer: Signer, request: _Request, seal: Seal) -> Steps:
    """Send a request with a proof, and once more where its answer says why."""
    target = _target(request)
    if not signer.signs(target):
        return (yield _Send(request))
    body = yield from _body(library, signer, request)
    exchange = signer.exchange()
    while True:
        headers = exchange.headers(request.method, target, request.headers.raw, body)
        response = yield _Send(seal(request, headers["DPoP"]))
        content = b""
        if exchange.reads_body(response.status_code, response.headers.raw):
            content = yield _ReadAnswer(response)
        if not exchange.learn(response.status_code, response.headers.raw, content) or body is None:
            return response
        yield _Close(response)


def _target(request: _Request) -> Target:
    """The URL as httpcore puts it on the wire; its extension `target` replaces the request target."""
    url = request.url
    netloc = url.netloc.decode("ascii")
    target = request.extensions.get("target", url.raw_path)
    return Target.on_wire(f"{url.scheme}://{netloc}", target.decode("latin-1"))


def _body(library: ModuleType, signer: Signer, request: _Request) -> Generator[_ReadBody, Any, bytes | None]:
    """The bytes of the body, None where they are not in hand; then it can be neither bound nor sent again."""
    if isinstance(request.stream, library.ByteStream):
        return b"".join(request.stream)
    if not signer.bind_body or not (signer.buffer_streams or _is_small(request, signer.body_limit)):
        return None
    content: bytes | None = yield _ReadBody(request.stream, signer.body_limit)
    if content is not None:
        request.stream = library.ByteStream(content)
    return content


def _is_small(request: _Request, limit: int) -> bool:
    length = request.headers.get("Content-Length", "")
    return length.isdigit() and int(length) <= limit


def send(library: ModuleType, flow: Steps, transport: Callable[[_Request], _Response]) -> _Response:
    """Drive the steps of one request over a sync transport."""
    reply: Any = None
    while True:
        try:
            step = flow.send(reply)
        except StopIteration as end:
            return end.value
        reply = None
        if isinstance(step, _Send):
            reply = transport(step.request)
        elif isinstance(step, _ReadBody):
            reply = _read(step)
        elif isinstance(step, _ReadAnswer):
            reply = b"".join(step.response.stream)
            step.response.stream.close()
            step.response.stream = library.ByteStream(reply)
        else:
            step.response.close()


async def send_async(
    library: ModuleType, flow: Steps, transport: Callable[[_Request], Awaitable[_Response]]
) -> _Response:
    """Drive the steps of one request over an async transport."""
    reply: Any = None
    while True:
        try:
            step = flow.send(reply)
        except StopIteration as end:
            return end.value
        reply = None
        if isinstance(step, _Send):
            reply = await transport(step.request)
        elif isinstance(step, _ReadBody):
            reply = await _read_async(step)
        elif isinstance(step, _ReadAnswer):
            reply = b"".join([chunk async for chunk in step.response.stream])
            await step.response.stream.aclose()
            step.response.stream = library.ByteStream(reply)
        else:
            await step.response.aclose()


def auth_flow(flow: Steps) -> Generator[_Request, _Response, None]:
    """Drive the steps of one request as the flow of a sync auth object; the client closes what it sends again."""
    reply: Any = None
    while True:
        try:
            step = flow.send(reply)
        except StopIteration:
            return
        reply = None
        if isinstance(step, _Send):
            reply = yield step.request
            if reply.request is not step.request:
                return  # a redirect was followed without a proof: its answer is not about ours
        elif isinstance(step, _ReadBody):
            reply = _read(step)
        elif isinstance(step, _ReadAnswer):
            reply = step.response.read()


async def auth_flow_async(flow: Steps) -> AsyncGenerator[_Request, _Response]:
    """Drive the steps of one request as the flow of an async auth object."""
    reply: Any = None
    while True:
        try:
            step = flow.send(reply)
        except StopIteration:
            return
        reply = None
        if isinstance(step, _Send):
            reply = yield step.request
            if reply.request is not step.request:
                return  # a redirect was followed without a proof: its answer is not about ours
        elif isinstance(step, _ReadBody):
            reply = await _read_async(step)
        elif isinstance(step, _ReadAnswer):
            reply = await step.response.aread()


def _read(step: _ReadBody) -> bytes | None:
    if not hasattr(step.stream, "__iter__"):
        return None
    collected = Collected(step.limit)
    for chunk in step.stream:
        collected.add(chunk)
    return collected.content()


async def _read_async(step: _ReadBody) -> bytes | None:
    if not hasattr(step.stream, "__aiter__"):
        return None
    collected = Collected(step.limit)
    async for chunk in step.stream:
        collected.add(chunk)
    return collected.content()
