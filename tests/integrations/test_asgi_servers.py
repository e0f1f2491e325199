"""What only a server can show: how it starts, how it fails to, and bodies on the wire."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mfa_middleware.client import PrivateKey, sign_headers
from mfa_middleware.machines import add
from tests.helpers.servers import Server, ended, running

from .setup import KEY

APP = "tests.integrations.asgi_app:app"
OWN = {"X-API-Key": KEY}
WRONG = {"MFA_MODE": "enforc"}
LINE = "mfa_middleware: MFA_MODE: write off, report, enforce or enforce:25% instead of 'enforc'"


@pytest.mark.parametrize(("server", "status"), [("uvicorn", 3), ("hypercorn", None), ("granian", 1)])
def test_a_wrong_setting_stops_the_server_with_one_line(server: str, status: int | None, tmp_path: Path) -> None:
    end = ended(server, APP, tmp_path / "log", **WRONG)
    assert len([line for line in end.output.splitlines() if LINE in line]) == 1, end.output
    assert status is None or end.status == status  # hypercorn always says 0


def test_a_server_that_starts_no_lifespan_refuses_every_request(tmp_path: Path) -> None:
    with running("uvicorn", APP, tmp_path / "log", "--lifespan", "off", **WRONG) as server:
        answers = [httpx2.get(server.url + path).status_code for path in ("/health", "/me", "/health")]
        assert answers == [500, 500, 500]
        assert LINE.removeprefix("mfa_middleware: ") in server.output


@pytest.fixture(scope="module", params=["uvicorn", "uvicorn-h11", "hypercorn", "granian", "daphne"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Any]]:
    place, key = tmp_path_factory.mktemp("served"), PrivateKey.generate()
    add(place / "machines.json", {"id": "depot", "jwk": dict(key.public_jwk), "credentials": ["any"]})
    settings = {"MFA_MACHINES": str(place / "machines.json"), "MFA_APP": f"test-{time.time_ns()}"}
    with running(request.param, APP, place / "log", **settings) as server:
        yield server, key


def post(served: tuple[Server, PrivateKey], signed: bytes, *pieces: bytes) -> httpx2.Response:
    """Send a body in pieces, under a proof that binds `signed`."""
    server, key = served
    url = f"{server.url}/digest"
    headers = OWN | sign_headers(key, "POST", url, headers=OWN, body=signed)
    return httpx2.post(url, headers=headers, content=iter(pieces))


def test_a_bound_body_comes_whole_in_however_many_pieces(served: tuple[Server, PrivateKey]) -> None:
    pieces = [bytes([number]) * 70_000 for number in range(5)]
    answer = post(served, b"".join(pieces), *pieces)
    assert answer.json() == {"machine": "depot", "sha256": hashlib.sha256(b"".join(pieces)).hexdigest()}


def test_another_body_is_refused(served: tuple[Server, PrivateKey]) -> None:
    answer = post(served, b"abc", b"ab", b"d")
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_digest")


def test_a_refusal_to_head_has_no_body_and_the_connection_goes_on(served: tuple[Server, PrivateKey]) -> None:
    server, _ = served
    with httpx2.Client(base_url=server.url) as client:
        refused = client.head("/me")
        assert (refused.status_code, refused.content) == (401, b"")
        assert client.get("/health").text == "ok"


def test_a_large_body_that_is_refused_at_once_does_not_hang_the_client(served: tuple[Server, PrivateKey]) -> None:
    server, _ = served
    with httpx2.Client(base_url=server.url, timeout=10) as client:
        answer = client.post("/digest", content=b"x" * 100_000, headers=OWN)
        assert answer.json()["code"] == "missing_proof"
    with httpx2.Client(base_url=server.url, timeout=10) as client:  # the server may close the one whose body it left
        assert client.get("/health").text == "ok"
