"""However many present the same proofs at once, to however many workers: each proof counts once."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from mfa_middleware.errors import Code
from tests.faces.serving import Served
from tests.helpers.rawhttp import parsed

_CONNECTIONS = 128  # 16 threads of each of 8 processes
_PROOFS = 50


async def _present(port: int, requests: list[bytes]) -> list[str]:
    """Send these one after the other, on one connection for as long as the server keeps it."""
    codes = []
    for sent in requests:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(sent)
            answer = parsed(await reader.read())
        finally:
            writer.close()
        codes.append(answer.code or str(answer.status))
    return codes


async def _all_at_once(port: int, requests: list[bytes]) -> list[list[str]]:
    return await asyncio.gather(*(_present(port, requests) for _ in range(_CONNECTIONS)))


@pytest.mark.parametrize(
    "pair",
    ["flask-gunicorn-sync", "flask-gunicorn-gthread", "fastapi-uvicorn-httptools"],
    indirect=True,
    scope="session",
)
def test_a_proof_that_many_present_at_once_is_accepted_once(served: Served) -> None:
    requests = [served.octets("GET", "/orders", served.signed("depot", "GET", "/orders")) for _ in range(_PROOFS)]
    answered = asyncio.run(_all_at_once(served.port, requests))
    for codes in zip(*answered, strict=True):
        assert Counter(codes) == {"200": 1, Code.REPLAYED: _CONNECTIONS - 1}
