from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from mfa_middleware.firewall.keys.https import FetchError, Limits, fetch

from .https_server import JwksServer, status_answer

QUICK = Limits(wait=0.5, whole=1.0, size=1000)


def test_a_body_is_fetched_from_the_very_url(server: JwksServer) -> None:
    server.serve(b"x" * 1000)
    assert fetch(server.url + "?a=b", ca_file=server.ca_file, limits=QUICK) == b"x" * 1000
    assert server.paths == ["/jwks?a=b"]


def test_the_ca_file_may_come_from_the_environment(server: JwksServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.serve(b"x")
    monkeypatch.setenv("SSL_CERT_FILE", server.ca_file)
    assert fetch(server.url) == b"x"


def test_a_server_of_an_unknown_authority_is_not_believed(server: JwksServer) -> None:
    with pytest.raises(FetchError, match="certificate does not verify"):
        fetch(server.url)


def test_a_certificate_for_another_host_is_not_believed(tmp_path: Path) -> None:
    with JwksServer(tmp_path, host="127.0.0.2").running() as server:
        with pytest.raises(FetchError, match="certificate does not verify"):
            fetch(server.url, ca_file=server.ca_file)
        assert server.paths == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server: JwksServer, status: int) -> None:
    server.answer = status_answer(status, Location=server.url + "2")
    with pytest.raises(FetchError, match=f"answered {status}; redirects are not followed"):
        fetch(server.url, ca_file=server.ca_file, limits=QUICK)
    assert server.paths == ["/jwks"]


@pytest.mark.parametrize("status", [204, 206, 404, 500])
def test_only_a_200_counts(server: JwksServer, status: int) -> None:
    server.answer = status_answer(status)
    with pytest.raises(FetchError, match=f"answered {status}"):
        fetch(server.url, ca_file=server.ca_file, limits=QUICK)


def test_a_long_body_is_refused(server: JwksServer) -> None:
    server.serve(b"x" * 1001)
    with pytest.raises(FetchError, match="longer than 1000 bytes"):
        fetch(server.url, ca_file=server.ca_file, limits=QUICK)


def test_an_endless_body_is_refused(server: JwksServer) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 100)

    server.answer = answer
    with pytest.raises(FetchError, match="longer than 1000 bytes"):
        fetch(server.url, ca_file=server.ca_file, limits=QUICK)


def test_a_body_cut_short_is_refused(server: JwksServer) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "900")
        handler.end_headers()
        handler.wfile.write(b"{}")

    server.answer = answer
    with pytest.raises(FetchError, match=r"cut short|IncompleteRead"):
        fetch(server.url, ca_file=server.ca_file, limits=QUICK)


def test_a_silent_server_costs_the_wait(server: JwksServer) -> None:
    server.answer = lambda _: time.sleep(3)
    started = time.monotonic()
    with pytest.raises(FetchError, match=r"no answer within 0\.5 s"):
        fetch(server.url, ca_file=server.ca_file, limits=QUICK)
    assert time.monotonic() - started < 2.5


@pytest.mark.parametrize("part", ["header", "body"])
def test_a_dripping_server_is_cut_off(server: JwksServer, part: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if part == "body":
            handler.end_headers()
        else:
            handler.flush_headers()
        for _ in range(50):
            handler.wfile.write(b"x")
            time.sleep(0.1)

    server.answer = answer
    started = time.monotonic()
    with pytest.raises(FetchError, match=r"not complete within 1 s|cannot be read"):
        fetch(server.url, ca_file=server.ca_file, limits=QUICK)
    assert time.monotonic() - started < 3


def test_a_server_that_speaks_no_http_is_an_error(server: JwksServer) -> None:
    server.answer = lambda handler: None
    with pytest.raises(FetchError, match="cannot be read"):
        fetch(server.url, ca_file=server.ca_file, limits=QUICK)


def test_a_server_that_is_away_is_an_error(server: JwksServer) -> None:
    with pytest.raises(FetchError, match="cannot be read"):
        fetch("https://127.0.0.1:1/jwks", ca_file=server.ca_file, limits=QUICK)


def test_a_missing_ca_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="FileNotFoundError"):
        fetch("https://127.0.0.1:1/jwks", ca_file=str(tmp_path / "none.pem"))
