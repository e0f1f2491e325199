"""What httpx and httpx2 do beside the contract of all adapters."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from mfa_middleware.client import PrivateKey, Signer
from mfa_middleware.client import httpx as client_httpx
from mfa_middleware.client import httpx2 as client_httpx2
from tests.client.server import Answer, ProofServer, nonce_challenge, redirect

both = pytest.mark.parametrize(("library", "ours"), [(httpx, client_httpx), (httpx2, client_httpx2)])
FORM = {"data": {"a": "é"}, "files": {"f": ("name.txt", io.BytesIO(b"content"), "text/plain")}}


class Client:
    """Opens sync clients over a signing transport."""

    def __init__(self, library: Any, ours: Any, key: PrivateKey, **options: Any) -> None:
        transport = ours.MachineTransport(key, transport=library.HTTPTransport(verify=False), **options)
        self.client = library.Client(transport=transport, follow_redirects=True, trust_env=False)


@pytest.fixture
def client(request: pytest.FixtureRequest, key: PrivateKey) -> Iterator[Any]:
    library, ours = request.param
    with Client(library, ours, key).client as opened:
        yield opened


each_client = pytest.mark.parametrize("client", [(httpx, client_httpx), (httpx2, client_httpx2)], indirect=True)


@both
def test_three_lines_do(library: Any, ours: Any, server: ProofServer, tmp_path: Path) -> None:
    transport = ours.MachineTransport(tmp_path / "machine.pem")
    with library.Client(transport=transport, headers={"X-API-Key": "k"}) as client:
        assert client.get(server.origin).status_code == 200


@both
def test_three_async_lines_do(library: Any, ours: Any, server: ProofServer, tmp_path: Path) -> None:
    async def call() -> int:
        transport = ours.AsyncMachineTransport(str(tmp_path / "machine.pem"))
        async with library.AsyncClient(transport=transport, headers={"X-API-Key": "k"}) as client:
            return (await client.get(server.origin)).status_code

    assert asyncio.run(call()) == 200


@each_client
def test_a_multipart_form_is_bound_and_sent_again(client: Any, server: ProofServer) -> None:
    server.script.extend([nonce_challenge("n"), redirect(308, "/end")])
    assert client.post(server.origin, **FORM).status_code == 200
    assert len({seen.body for seen in server.seen}) == 1
    assert b"content" in server.seen[0].body
    assert all("htd" in seen.claims for seen in server.seen)


@both
def test_async_clients_bind_a_multipart_form(library: Any, ours: Any, key: PrivateKey, server: ProofServer) -> None:
    async def call() -> int:
        transport = ours.AsyncMachineTransport(key, transport=library.AsyncHTTPTransport(verify=False))
        async with library.AsyncClient(transport=transport) as client:
            return (await client.post(server.origin, **FORM)).status_code

    assert asyncio.run(call()) == 200
    assert "htd" in server.seen[0].claims


@each_client
def test_a_file_is_bound_and_follows_a_redirect(client: Any, server: ProofServer) -> None:
    server.script.append(redirect(307, "/end"))
    assert client.put(server.origin, content=io.BytesIO(b"file")).status_code == 200
    assert [seen.body for seen in server.seen] == [b"file", b"file"]
    assert all("htd" in seen.claims for seen in server.seen)


@both
def test_a_long_form_goes_unbound(library: Any, ours: Any, key: PrivateKey, server: ProofServer) -> None:
    with Client(library, ours, key, body_limit=20).client as client:
        assert client.post(server.origin, **FORM).status_code == 200
    assert "htd" not in server.seen[0].claims


@each_client
def test_a_target_that_an_extension_sets_is_what_is_signed(client: Any, server: ProofServer) -> None:
    response = client.get(f"{server.origin}/shown?a", extensions={"target": b"//raw/./%7e?b=\\"})
    assert (response.status_code, server.seen[0].target) == (200, "//raw/./%7e?b=\\")


@each_client
def test_asterisk_form_names_the_server(client: Any, server: ProofServer) -> None:
    server.script.append(Answer())
    client.options(server.origin, extensions={"target": b"*"})
    assert server.seen[0].claims["htu"] == f"{server.origin}/"


@each_client
def test_a_refusal_can_still_be_streamed(client: Any, server: ProofServer) -> None:
    server.always = lambda seen: nonce_challenge("n")
    with client.stream("GET", server.origin) as response:
        assert b"use_dpop_nonce" in b"".join(response.iter_raw())
    assert response.is_closed


@each_client
def test_an_answered_challenge_keeps_its_connection(client: Any, server: ProofServer) -> None:
    server.script.append(nonce_challenge("n"))
    client.get(server.origin)
    client.get(server.origin)
    assert (len(server.seen), len(server.peers)) == (3, 1)


@both
def test_cookies_are_credentials_where_they_are_named(
    library: Any, ours: Any, key: PrivateKey, server: ProofServer
) -> None:
    with Client(library, ours, key, places=["cookie:sid"]).client as client:
        client.cookies.set("sid", "s-1")
        client.get(server.origin)
    assert "ath" in server.seen[0].claims


@both
def test_concurrent_async_requests_are_each_signed_once(
    library: Any, ours: Any, key: PrivateKey, server: ProofServer
) -> None:
    async def call() -> set[int]:
        transport = ours.AsyncMachineTransport(key, transport=library.AsyncHTTPTransport(verify=False))
        async with library.AsyncClient(transport=transport) as client:
            replies = await asyncio.gather(*(client.get(f"{server.origin}/{number}") for number in range(30)))
            return {reply.status_code for reply in replies}

    assert asyncio.run(call()) == {200}
    assert len(server.jtis) == 30


@both
def test_an_auth_object_signs_the_next_request_of_a_redirect_by_hand(
    library: Any, ours: Any, key: PrivateKey, server: ProofServer
) -> None:
    server.script.append(redirect(302, "/end"))
    with library.Client(auth=ours.MachineAuth(key), verify=False, trust_env=False) as client:
        response = client.get(server.origin)
        assert client.send(response.next_request).status_code == 200
    assert server.seen[0].jti != server.seen[1].jti


@both
def test_an_auth_object_leaves_a_refusal_in_history(
    library: Any, ours: Any, key: PrivateKey, server: ProofServer
) -> None:
    server.script.append(nonce_challenge("n"))
    with library.Client(auth=ours.MachineAuth(key), verify=False, trust_env=False) as client:
        response = client.post(server.origin, content=b"body")
    assert (response.status_code, [old.status_code for old in response.history]) == (200, [401])


@both
def test_a_sync_stream_in_an_async_client_fails_as_it_does_without_us(
    library: Any, ours: Any, key: PrivateKey, server: ProofServer
) -> None:
    async def call() -> None:
        async with library.AsyncClient(auth=ours.MachineAuth(key, buffer_streams=True), verify=False) as client:
            await client.post(server.origin, content=iter([b"x"]))

    with pytest.raises(RuntimeError, match="sync request"):
        asyncio.run(call())


@both
def test_a_signer_is_shared_by_transports_of_both_kinds(
    library: Any, ours: Any, key: PrivateKey, server: ProofServer
) -> None:
    signer = Signer(key)
    server.script.append(nonce_challenge("n"))
    with library.Client(transport=ours.MachineTransport(signer)) as client:
        client.get(server.origin)

    async def call() -> None:
        async with library.AsyncClient(transport=ours.AsyncMachineTransport(signer)) as client:
            await client.get(server.origin)

    asyncio.run(call())
    assert server.seen[-1].claims["nonce"] == "n"


@both
def test_reprs_tell_the_thumbprint_only(library: Any, ours: Any, key: PrivateKey) -> None:
    assert repr(ours.MachineTransport(key)) == f"<MachineTransport {key.thumbprint}>"
    assert repr(ours.MachineAuth(key)) == f"<MachineAuth {key.thumbprint}>"
