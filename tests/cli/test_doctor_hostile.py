"""`doctor --url` against whatever else may listen there: bounded time, one line, no secret, never a traceback."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfa_middleware.cli.doctor import Call, Check, Status
from mfa_middleware.cli.doctor.live import check_app
from mfa_middleware.client import PrivateKey
from mfa_middleware.client.target import Target
from mfa_middleware.clock import SYSTEM_CLOCK

KEY = PrivateKey.generate()
CREDENTIAL = "a-very-secret-credential"
SECONDS = 0.6
SILENCE, ENDLESS = "silence", "endless"

Behaviour = Callable[[bytes, socket.socket], None]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.ending = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            octets = b""
            while b"\r\n\r\n" not in octets and (more := self.request.recv(65_536)):
                octets += more
            self.server.behave(octets, self.request)


@contextlib.contextmanager
def hostile(behave: Behaviour) -> Iterator[str]:
    """A server that does this with each request; its URL."""
    with _Server(behave) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/orders?key=a-secret-in-the-query"
        finally:
            server.shutdown()
            thread.join()


def checks(behave: Behaviour, *, workers: int = 8) -> dict[str, Check]:
    """The checks of what listens there, by id; they hold no secret, and come in bounded time."""
    headers = (("X-API-Key", CREDENTIAL), ("Authorization", "Bearer another-secret-credential"))
    begun = time.monotonic()
    with hostile(behave) as url:
        call = Call("GET", Target.of(url), KEY, headers, ("x-api-key", "authorization"), workers, (), SECONDS)
        told = {check.id: check for check in check_app(call, SYSTEM_CLOCK)}
    assert time.monotonic() - begun < 12 * SECONDS
    text = " ".join(check.found + check.advice for check in told.values())
    assert not any(secret in text for secret in ("secret", "eyJ"))
    assert text.isprintable()
    return told


def answered(status: str, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def refused(code: str, status: str = "401 Unauthorized", headers: str = "", **hints: object) -> bytes:
    body = json.dumps({"code": code, **hints}).encode()
    return answered(status, f"Content-Type: application/problem+json\r\n{headers}", body)


def protected(then: Behaviour) -> Behaviour:
    """Refuses what has no proof as the middleware does, and does this with what has one."""

    def behave(octets: bytes, connection: socket.socket) -> None:
        if b"\r\ndpop: " in octets.lower():
            then(octets, connection)
        else:
            connection.sendall(refused("missing_proof"))

    return behave


def says(octets: bytes) -> Behaviour:
    return lambda _, connection: connection.sendall(octets)


def never(_: bytes, connection: socket.socket) -> None:
    connection.settimeout(5)
    connection.recv(1)


def drips(_: bytes, connection: socket.socket) -> None:
    for octet in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 100:
        connection.sendall(bytes([octet]))
        time.sleep(0.1)


def floods(_: bytes, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Much: " + b"a" * 60_000 + b"\r\n")


def continues(_: bytes, connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


NOTHING = [
    never, drips, floods, continues, lambda *_: None, says(b"\x00\xff" * 100), says(b"SSH-2.0-OpenSSH_9.6\r\n"),
    says(b"HTTP/1.1 9999 Odd\r\n\r\n"), says(b"HTTP/1.1 200"), says(b"HTTP/1.1 401 No\r\nContent-Type: application/"
    b"problem+json\r\nContent-Length: 500\r\n\r\n{"), says(b"HTTP/1.1 401 No\r\nContent-Type: application/problem+json"
    b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
]  # fmt: skip


@pytest.mark.parametrize("behave", NOTHING)
def test_what_is_no_answer_is_told_as_none(behave: Behaviour) -> None:
    told = checks(behave)
    assert told["app-reached"].status is Status.FAIL
    assert "start the app, or correct --url" in told["app-reached"].advice


@pytest.mark.parametrize("behave", NOTHING)
def test_what_is_no_answer_to_a_proof_is_neither_accepted_nor_good(behave: Behaviour) -> None:
    told = checks(protected(behave))
    assert told["app-protected"].status is Status.OK
    assert told["app-single-use"].status is Status.WARN
    assert "8 without an answer" in told["app-single-use"].found
    assert told["app-replay"].status is Status.SKIPPED


def test_body_without_an_end_is_not_waited_for() -> None:
    def streams(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        never(b"", connection)

    begun = time.monotonic()
    assert "accepted 8 times" in checks(protected(streams))["app-single-use"].found
    assert time.monotonic() - begun < SECONDS


@pytest.mark.parametrize("name", ["expected_htu", "reason", "credential_place"])
def test_hint_that_repeats_what_was_sent_is_not_shown(name: str) -> None:
    def repeats(octets: bytes, connection: socket.socket) -> None:
        lines = octets.decode().split("\r\n")
        proof = next(line for line in lines if line.lower().startswith("dpop: ")).split()[1]
        texts = [proof, proof[300:340], f"<{CREDENTIAL}>", "another-secret-credential", "key=a-secret-in-the-query"]
        number = next(numbers)
        connection.sendall(refused("wrong_target", **{name: texts[number % len(texts)], "settings": "MFA_ORIGINS"}))

    numbers = iter(range(1000))
    told = checks(protected(repeats))["app-single-use"]
    assert "(settings: MFA_ORIGINS)" in told.found


def test_hint_cannot_paint_a_terminal_or_fill_it() -> None:
    told = checks(protected(says(refused("wrong_target", reason="\x1b[2J" * 300, expected_htu={"a": [1]}))))
    assert "\\x1b[2J" in told["app-single-use"].found
    assert len(told["app-single-use"].found) <= 1_000


def test_nonce_that_is_demanded_for_ever_ends() -> None:
    counted: list[bytes] = []

    def demands(octets: bytes, connection: socket.socket) -> None:
        counted.append(octets)
        challenge = f'WWW-Authenticate: DPoP error="use_dpop_nonce"\r\nDPoP-Nonce: n{len(counted)}\r\n'
        connection.sendall(refused("use_dpop_nonce", headers=challenge))

    told = checks(protected(demands))["app-single-use"]
    assert told.status is Status.FAIL
    assert "8 refused (use_dpop_nonce)" in told.found
    assert "do not share" in told.advice
    assert len(counted) == 16


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (refused("replayed", "200 OK"), Status.FAIL),
        (refused("no_code_of_ours"), Status.FAIL),
        (
            answered("401 Unauthorized", "Content-Type: application/problem+json\r\n", b'{"code": "replayed"'),
            Status.FAIL,
        ),
        (answered("302 Found", "Location: https://api.example.com/\r\n"), Status.FAIL),
        (refused("replayed"), Status.FAIL),
        (refused("store_unavailable", "503 Service Unavailable"), Status.FAIL),
        (answered("502 Bad Gateway"), Status.WARN),
        (answered("429 Too Many Requests"), Status.WARN),
    ],
)
def test_only_what_is_surely_ours_counts_as_a_refusal(octets: bytes, status: Status) -> None:
    assert checks(protected(says(octets)))["app-single-use"].status is status


def test_used_proof_that_counts_later_is_found_out() -> None:
    numbers = iter(range(1000))

    def forgets(_: bytes, connection: socket.socket) -> None:
        number = next(numbers)
        connection.sendall(answered("200 OK") if number in (0, 12) else refused("replayed"))

    told = checks(protected(forgets))
    assert told["app-single-use"].status is Status.OK
    assert told["app-replay"].status is Status.FAIL
    assert "a used proof was accepted 1 times more" in told["app-replay"].found


@pytest.mark.parametrize(
    ("date", "status"),
    [
        ("Date: Mon, 01 Jan 2024 00:00:00 GMT", Status.WARN),
        ("Date: tomorrow", Status.SKIPPED),
        ("Date: Mon, 99 Jan 99999999 00:00:00 GMT", Status.SKIPPED),
        ("X-Date: none", Status.SKIPPED),
        ("Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT", Status.SKIPPED),
    ],
)
def test_clock_is_compared_with_a_date_that_can_be_read(date: str, status: Status) -> None:
    assert checks(says(refused("missing_proof", headers=f"{date}\r\n")))["app-clock"].status is status


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 401 X\r\n", refused("replayed")[:-5], b"HTTP/1.1 200 "])
)
def test_no_bytes_make_the_doctor_stumble(tail: bytes, head: bytes) -> None:
    told = checks(protected(says(head + tail)), workers=2)
    assert set(told) == {"app-reached", "app-clock", "app-protected", "app-single-use", "app-replay"}
