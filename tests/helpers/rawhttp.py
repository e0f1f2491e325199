"""Requests as bytes on a socket, as no HTTP client would write them, and the answers to them."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, Self, TypeAlias, cast

__all__ = ["Lines", "Response", "Wire", "chunked", "head", "parsed", "request"]

Lines: TypeAlias = Sequence[tuple[str, str | bytes]]
"""Header lines in the order in which they go out; text as latin-1."""


@dataclass(frozen=True)
class Response:
    """An answer. Header names are in lower case."""

    status: int
    lines: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.lines if key == name]

    def one(self, name: str) -> str:
        """The value of a header that must stand there exactly once."""
        (value,) = self.all(name)
        return value

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of a refusal; None for any other answer, and for one without a body."""
        if self.all("content-type") != ["application/problem+json"] or not self.body:
            return None
        code: str = self.json["code"]
        return code


def head(method: str, target: str | bytes, lines: Lines, *, host: str, close: bool = True) -> bytes:
    """The request line and the header lines."""
    written = [("Host", host), *([("Connection", "close")] if close else []), *lines]
    target = target if isinstance(target, bytes) else target.encode("latin-1")
    fields = (name.encode("latin-1") + b": " + _octets(value) for name, value in written)
    return b"\r\n".join((method.encode("latin-1") + b" " + target + b" HTTP/1.1", *fields, b"", b""))


def request(
    method: str, target: str | bytes, lines: Lines = (), body: bytes | None = None, *, host: str, close: bool = True
) -> bytes:
    """A whole request; its body has a Content-Length."""
    length: Lines = [] if body is None else [("Content-Length", str(len(body)))]
    return head(method, target, [*lines, *length], host=host, close=close) + (body or b"")


def chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A body in chunks (RFC 9112 7.1), each ready to be sent on its own."""
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _octets(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


class _Kept(io.BufferedReader):
    """What HTTPResponse reads from. It closes this after each answer, while more may be waiting in the buffer."""

    def makefile(self, _mode: str) -> _Kept:
        return self

    def close(self) -> None:
        pass


def parsed(octets: bytes, method: str = "GET") -> Response:
    """The first answer in what a server sent."""
    return _read(_Kept(cast("io.RawIOBase", io.BytesIO(octets))), method)


def _read(reader: _Kept, method: str) -> Response:
    response = HTTPResponse(cast("socket.socket", reader), method=method)
    response.begin()
    lines = tuple((name.lower(), value) for name, value in response.getheaders())
    return Response(response.status, lines, response.read())


class Wire:
    """A TCP connection to a port of this machine, from `source`."""

    def __init__(self, port: int, *, source: str = "127.0.0.1", timeout: float = 20.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = _Kept(socket.SocketIO(self._socket, "r"))

    def send(self, *pieces: bytes, pause: float = 0.0) -> Self:
        """Send these pieces, with a pause after each. A server that answers early may close meanwhile."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                self._socket.sendall(piece)
                time.sleep(pause)
        return self

    def answer(self, method: str = "GET") -> Response:
        """The next answer, after any with status 100. Raises EOFError where there is none, or no whole one."""
        try:
            return _read(self._reader, method)
        except (ConnectionError, HTTPException) as error:
            raise EOFError(repr(error)) from error

    def told(self, seconds: float) -> bytes:
        """What the server has sent and nobody has read, once there is anything, else after so many seconds."""
        self._socket.settimeout(seconds)
        try:
            return self._reader.peek(1)
        except TimeoutError:
            return b""
        finally:
            self._socket.settimeout(20.0)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
