"""What aiohttp does beside the contract of all adapters."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mfa_middleware.client import PrivateKey, Signer
from mfa_middleware.client.aiohttp import machine_middleware
from tests.client.server import Answer, ProofServer, nonce_challenge, redirect

Work = Callable[[aiohttp.ClientSession], Awaitable[Any]]


def run(key: PrivateKey | Signer | Path, work: Work, **options: Any) -> Any:
    async def call() -> Any:
        async with aiohttp.ClientSession(middlewares=[machine_middleware(key, **options)]) as session:
            return await work(session)

    return asyncio.run(call())


def posted(server: ProofServer, make_body: Callable[[], Any], **request: Any) -> Work:
    async def work(session: aiohttp.ClientSession) -> int:
        async with session.post(server.origin, data=make_body(), **request) as response:
            await response.read()
            return response.status

    return work


def form() -> aiohttp.FormData:
    data = aiohttp.FormData()
    data.add_field("file", io.BytesIO(b"content"), filename="name.txt")
    data.add_field("text", "é")
    return data


def multipart() -> aiohttp.MultipartWriter:
    writer = aiohttp.MultipartWriter("mixed")
    writer.append("text", {"Content-Encoding": "gzip"})
    writer.append("encoded", {"Content-Transfer-Encoding": "base64"})
    return writer


def test_three_lines_do(server: ProofServer, tmp_path: Path) -> None:
    async def work(session: aiohttp.ClientSession) -> int:
        async with session.get(server.origin, headers={"X-API-Key": "k"}) as response:
            return response.status

    assert run(tmp_path / "machine.pem", work) == 200


@pytest.mark.parametrize(
    "body", [form, lambda: {"a": "é"}, lambda: "é", lambda: bytearray(b"x"), lambda: io.StringIO("é")]
)
def test_bodies_of_known_size_are_bound_and_sent_again(
    body: Callable[[], Any], key: PrivateKey, server: ProofServer
) -> None:
    server.script.extend([nonce_challenge("n"), redirect(308, "/end")])
    assert run(key, posted(server, body)) == 200
    assert len({seen.body for seen in server.seen}) == 1
    assert all("htd" in seen.claims for seen in server.seen)


@pytest.mark.parametrize("mode", ["rb", "r"])
def test_files_are_bound_and_sent_again(mode: str, key: PrivateKey, server: ProofServer, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("some\ncontent é\n", encoding="utf-8")
    server.script.extend([nonce_challenge("n"), redirect(308, "/end")])
    assert run(key, posted(server, lambda: file.open(mode))) == 200
    assert {seen.body for seen in server.seen} == {file.read_bytes()}
    assert all("htd" in seen.claims for seen in server.seen)


def test_a_long_file_goes_unbound_and_is_still_sent_again(key: PrivateKey, server: ProofServer, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)
    server.script.append(nonce_challenge("n"))
    assert run(key, posted(server, lambda: file.open("rb")), body_limit=99) == 200
    assert [seen.body for seen in server.seen] == [b"x" * 100] * 2
    assert "htd" not in server.seen[1].claims


@pytest.mark.parametrize("body", [multipart, lambda: {"a": 1}])
def test_encoded_parts_are_bound_as_they_are_sent(
    body: Callable[[], Any], key: PrivateKey, server: ProofServer
) -> None:
    assert run(key, posted(server, body), buffer_streams=True) == 200
    assert "htd" in server.seen[0].claims


def test_a_body_that_aiohttp_compresses_goes_unbound(key: PrivateKey, server: ProofServer) -> None:
    assert run(key, posted(server, lambda: b"x" * 100, compress=True)) == 200
    assert "htd" not in server.seen[0].claims


def test_a_reconnect_carries_a_proof_of_its_own(key: PrivateKey, server: ProofServer) -> None:
    async def work(session: aiohttp.ClientSession) -> list[int]:
        statuses = []
        for _ in range(2):
            async with session.get(server.origin) as response:
                await response.read()
                statuses.append(response.status)
        return statuses

    server.script.extend([Answer(), Answer(drop=True)])
    assert run(key, work) == [200, 200]
    assert len({seen.jti for seen in server.seen}) == 3


def test_an_error_shows_no_proof(key: PrivateKey, server: ProofServer) -> None:
    async def work(session: aiohttp.ClientSession) -> str:
        with pytest.raises(aiohttp.ClientResponseError) as caught:
            await session.get(server.origin, raise_for_status=True)
        return repr(caught.value)

    server.always = lambda seen: Answer(403)
    assert "dpop" not in run(key, work).lower()
    assert len(server.seen[0].proofs) == 1


def test_cookies_of_a_session_are_credentials_where_they_are_named(key: PrivateKey, server: ProofServer) -> None:
    async def work(session: aiohttp.ClientSession) -> None:
        async with session.get(server.origin, cookies={"sid": "s-1"}) as response:
            await response.read()

    run(key, work, places=["cookie:sid"])
    assert "ath" in server.seen[0].claims


def test_a_websocket_handshake_is_signed(key: PrivateKey, server: ProofServer) -> None:
    async def work(session: aiohttp.ClientSession) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"ws://127.0.0.1:{server.port}/live")

    server.script.append(Answer(403))
    run(key, work)
    assert server.seen[0].claims["htu"] == f"ws://127.0.0.1:{server.port}/live"


def test_concurrent_requests_are_each_signed_once(key: PrivateKey, server: ProofServer) -> None:
    async def work(session: aiohttp.ClientSession) -> None:
        async def one(number: int) -> None:
            async with session.get(f"{server.origin}/{number}", raise_for_status=True) as response:
                await response.read()

        await asyncio.gather(*(one(number) for number in range(30)))

    run(key, work)
    assert len(server.jtis) == 30
