"""One request on one connection, in bounded time, whatever answers."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, Final, cast

from mfa_middleware.cli.doctor.live.call import Address, Call
from mfa_middleware.errors import REFUSALS, Code
from mfa_middleware.jose.strict import Malformed, parse_object

__all__ = ["Answer", "NoAnswer", "exchange"]

_MOST: Final = 262_144
_MOST_OF_PROBLEM: Final = 8_192
_CODES: Final = frozenset(Code)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. `code` and `problem`: where it is a refusal of ours. `at`: unix seconds between request and answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    code: Code | None = None
    problem: dict[str, Any] | None = None

    def one(self, name: str) -> str | None:
        """The value of a header that stands there exactly once, by its name in lower case."""
        values = [value for key, value in self.headers if key.lower() == name]
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is none, for people."""

    reason: str


def exchange(call: Call, address: Address, octets: bytes, meet: Callable[[], None]) -> Answer | NoAnswer:
    """Connect, `meet` those who do the same, send, and read the answer."""
    deadline = time.monotonic() + call.seconds
    try:
        connection = _connect(call, address, deadline)
    except (OSError, ValueError) as error:
        meet()
        return NoAnswer(_reason(error))
    with contextlib.closing(connection):
        meet()
        try:
            begun = time.time()
            connection.settimeout(_left(deadline))
            connection.sendall(octets)
            return _read(call, connection, deadline, begun)
        except (OSError, HTTPException, ValueError) as error:
            return NoAnswer(_reason(error))


def _connect(call: Call, address: Address, deadline: float) -> socket.socket:
    plain = socket.create_connection(address, _left(deadline))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not call.tls:
        return plain
    try:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context.wrap_socket(plain, server_hostname=call.address[0])
    except BaseException:
        plain.close()
        raise


def _read(call: Call, connection: socket.socket, deadline: float, begun: float) -> Answer:
    reader = _Reader(connection, deadline)
    response = HTTPResponse(cast("socket.socket", reader), method=call.method)
    response.begin()
    if reader.ended:  # which HTTPResponse takes for the end of the head
        raise ConnectionResetError
    at = (begun + time.time()) / 2
    headers = tuple(response.getheaders())
    kind = response.headers.get_content_type()
    if kind != "application/problem+json":
        return Answer(response.status, headers, b"", at)
    body = response.read(_MOST_OF_PROBLEM)
    if response.length and len(body) < _MOST_OF_PROBLEM:
        raise ConnectionResetError
    return _refusal_or_not(Answer(response.status, headers, body, at))


def _refusal_or_not(answer: Answer) -> Answer:
    try:
        problem = parse_object(answer.body.strip())
    except Malformed:
        return answer
    code = problem.get("code")
    if code not in _CODES or REFUSALS[Code(code)].status != answer.status:
        return answer
    return Answer(answer.status, answer.headers, answer.body, answer.at, Code(code), problem)


class _Reader(io.RawIOBase):
    """What HTTPResponse reads from: a connection with a deadline for all of it, and a limit."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline, self._room = connection, deadline, _MOST
        self.ended = False

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._deadline))
        count = self._connection.recv_into(buffer)
        self.ended = not count
        self._room -= count
        if self._room < 0:
            raise ValueError("its head is longer than any of HTTP")
        return count


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no whole answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS as it should ({error.reason or 'closed'})"
    if isinstance(error, socket.gaierror):
        return f"its name is not known: {error.strerror}"
    if isinstance(error, ConnectionError):
        return "connection refused" if isinstance(error, ConnectionRefusedError) else "it closed the connection"
    if isinstance(error, HTTPException):
        return "what it says is not HTTP"
    return (error.strerror or "the network failed") if isinstance(error, OSError) else str(error) or "no HTTP"
