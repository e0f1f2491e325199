"""However a library tries again: a server never gets one proof twice."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import requests
from urllib3.util import Retry

from mfa_middleware.client import PrivateKey
from mfa_middleware.client import httpx as client_httpx
from mfa_middleware.client import httpx2 as client_httpx2
from mfa_middleware.client.requests import MachineAdapter
from tests.client.server import Answer, ProofServer

both = pytest.mark.parametrize(("library", "ours"), [(httpx, client_httpx), (httpx2, client_httpx2)])
BUSY = Answer(503, {"Retry-After": "0"}, b"busy", close=True)
DROPPED = Answer(drop=True)
TRIES = 4


class Failing:
    """Stands for a function that connects; the first calls are refused."""

    def __init__(self, connect: Callable[..., Any], times: int) -> None:
        self.connect, self.left = connect, times

    def __call__(self, *given: Any, **named: Any) -> Any:
        if self.left:
            self.left -= 1
            raise ConnectionRefusedError
        return self.connect(*given, **named)


def retrying(library: Any, transport: Any) -> Any:
    """A transport that tries again, around ours, as packages for retries build them."""

    class Retrying(library.BaseTransport):  # type: ignore[misc]
        def handle_request(self, request: Any) -> Any:
            for left in reversed(range(TRIES)):
                try:
                    response = transport.handle_request(request)
                except library.TransportError:
                    if not left:
                        raise
                    continue
                if response.status_code != 503 or not left:
                    break
                response.close()
            return response

        def close(self) -> None:
            transport.close()

    return Retrying()


def retrying_async(library: Any, transport: Any) -> Any:
    class Retrying(library.AsyncBaseTransport):  # type: ignore[misc]
        async def handle_async_request(self, request: Any) -> Any:
            for left in reversed(range(TRIES)):
                try:
                    response = await transport.handle_async_request(request)
                except library.TransportError:
                    if not left:
                        raise
                    continue
                if response.status_code != 503 or not left:
                    break
                await response.aclose()
            return response

        async def aclose(self) -> None:
            await transport.aclose()

    return Retrying()


def assert_all_differ(server: ProofServer, times: int) -> None:
    assert [len(seen.proofs) for seen in server.seen] == [1] * times
    assert len({seen.jti for seen in server.seen}) == times
    assert [seen.body for seen in server.seen] == [b"body"] * times


@pytest.mark.parametrize("failures", [[BUSY] * 3, [DROPPED] * 3, [BUSY, DROPPED, BUSY]])
def test_urllib3_tries_three_times_more_below_requests(
    key: PrivateKey, server: ProofServer, failures: list[Answer]
) -> None:
    retry = Retry(total=3, backoff_factor=0, status_forcelist=[503], allowed_methods=None)
    server.script.extend(failures)
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", MachineAdapter(key, max_retries=retry))
        assert session.post(server.origin, data=b"body").status_code == 200
    assert_all_differ(server, 4)


def test_urllib3_gives_up_after_its_tries_and_all_proofs_differ(key: PrivateKey, server: ProofServer) -> None:
    server.script.extend([DROPPED] * 10)
    with requests.Session() as session:
        session.trust_env = False
        session.mount(
            "http://", MachineAdapter(key, max_retries=Retry(total=3, backoff_factor=0, allowed_methods=None))
        )
        with pytest.raises(requests.ConnectionError):
            session.post(server.origin, data=b"body")
    assert_all_differ(server, 4)


@both
def test_a_transport_that_connects_again_sends_a_proof_once(
    library: Any, ours: Any, key: PrivateKey, server: ProofServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting = Failing(socket.create_connection, 1)
    monkeypatch.setattr(socket, "create_connection", connecting)
    transport = ours.MachineTransport(key, transport=library.HTTPTransport(retries=3, verify=False))
    with library.Client(transport=transport, trust_env=False) as client:
        assert client.post(server.origin, content=b"body").status_code == 200
    assert connecting.left == 0
    assert_all_differ(server, 1)


@both
def test_an_async_transport_that_connects_again_sends_a_proof_once(
    library: Any, ours: Any, key: PrivateKey, server: ProofServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting = Failing(anyio.connect_tcp, 1)
    monkeypatch.setattr(anyio, "connect_tcp", connecting)

    async def call() -> int:
        transport = ours.AsyncMachineTransport(key, transport=library.AsyncHTTPTransport(retries=3, verify=False))
        async with library.AsyncClient(transport=transport, trust_env=False) as client:
            return int((await client.post(server.origin, content=b"body")).status_code)

    assert asyncio.run(call()) == 200
    assert connecting.left == 0
    assert_all_differ(server, 1)


@both
@pytest.mark.parametrize("failures", [[BUSY] * 3, [DROPPED] * 3, [DROPPED, BUSY, DROPPED]])
def test_a_transport_that_tries_again_around_ours_has_a_proof_for_each_attempt(
    library: Any, ours: Any, key: PrivateKey, server: ProofServer, failures: list[Answer]
) -> None:
    server.script.extend(failures)
    transport = retrying(library, ours.MachineTransport(key, transport=library.HTTPTransport(verify=False)))
    with library.Client(transport=transport, trust_env=False) as client:
        assert client.post(server.origin, content=b"body").status_code == 200
    assert_all_differ(server, 4)


@both
@pytest.mark.parametrize("failures", [[BUSY] * 3, [DROPPED] * 3, [DROPPED, BUSY, DROPPED]])
def test_an_async_transport_that_tries_again_around_ours_has_a_proof_for_each_attempt(
    library: Any, ours: Any, key: PrivateKey, server: ProofServer, failures: list[Answer]
) -> None:
    server.script.extend(failures)

    async def call() -> int:
        inner = ours.AsyncMachineTransport(key, transport=library.AsyncHTTPTransport(verify=False))
        async with library.AsyncClient(transport=retrying_async(library, inner), trust_env=False) as client:
            return int((await client.post(server.origin, content=b"body")).status_code)

    assert asyncio.run(call()) == 200
    assert_all_differ(server, 4)
