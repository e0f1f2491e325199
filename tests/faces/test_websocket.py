"""A WebSocket is opened by one proof, and closed when its machine may not act any more."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from mfa_middleware import machines
from mfa_middleware.errors import Code
from tests.faces.answers import assert_refused
from tests.faces.matrix import FACES, Trait, having
from tests.faces.serving import KEY, Served
from tests.helpers.processes import until
from tests.helpers.rawhttp import Lines, Response

_WITHIN = 1.5
_on_each = pytest.mark.parametrize("pair", having(Trait.WEBSOCKET), indirect=True, scope="session")
_HANDSHAKE: Lines = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


def _signed(served: Served, machine: str = "feed", *, scheme: str = "http", **claims: Any) -> Lines:
    htu = served.url("/feed").replace("http", scheme, 1)
    return served.signed(machine, "GET", "/feed", **{"htu": htu, **claims})


def _open(served: Served, lines: Lines) -> ClientConnection:
    url = f"ws://{served.host}{served.face.wire}/feed"
    return connect(url, additional_headers=[(name, str(value)) for name, value in lines], close_timeout=2, proxy=None)


def _refused(served: Served, lines: Lines, code: Code) -> None:
    with pytest.raises(InvalidStatus) as raised, _open(served, lines):
        pass
    response = raised.value.response
    if not served.face.has(Trait.DENIAL):
        assert response.status_code == 403
        return
    given = tuple((name.lower(), value) for name, value in response.headers.raw_items())
    assert_refused(Response(response.status_code, given, bytes(response.body)), code)


@_on_each
@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_a_proof_opens_it(served: Served, scheme: str) -> None:
    with _open(served, _signed(served, scheme=scheme)) as socket:
        assert json.loads(socket.recv(5)) == {"machine": "feed"}
        socket.send("é ✓")
        assert socket.recv(5) == "é ✓"


@_on_each
def test_what_does_not_open_it(served: Served) -> None:
    _refused(served, [], Code.MISSING_CREDENTIAL)
    _refused(served, KEY, Code.MISSING_PROOF)
    _refused(served, _signed(served, "stranger"), Code.UNKNOWN_MACHINE)
    _refused(served, _signed(served, "plant"), Code.MACHINE_INACTIVE)
    _refused(served, _signed(served, htu=served.url("/orders")), Code.WRONG_TARGET)
    _refused(served, _signed(served, iat=1, nonce=None), Code.USE_DPOP_NONCE)


@_on_each
def test_a_proof_opens_it_once(served: Served) -> None:
    lines = _signed(served)
    with _open(served, lines) as socket:
        socket.recv(5)
        _refused(served, lines, Code.REPLAYED)
    _refused(served, lines, Code.REPLAYED)


@pytest.fixture
def paused(served: Served) -> Iterator[Callable[[], float]]:
    """Pauses the machine of the socket, until the test ends; the time of that."""

    def pause() -> float:
        machines.set_state(served.machines, "feed", "paused")
        return time.monotonic()

    yield pause
    machines.set_state(served.machines, "feed", "active")
    until(lambda: all(a.status == 200 for a in _calls_of_all_workers(served)), "it may act again", seconds=5)


def _calls_of_all_workers(served: Served) -> list[Response]:
    return served.by_all_workers(lambda: served.call("feed", "GET", "/orders"))


def _talk(socket: ClientConnection, until: float) -> None:
    while time.monotonic() < until:
        socket.send("still here")
        socket.recv(5)


@_on_each
def test_it_is_closed_when_its_machine_is_paused(served: Served, paused: Callable[[], float]) -> None:
    with (
        _open(served, _signed(served)) as silent,
        _open(served, _signed(served)) as talking,
        _open(served, _signed(served, "depot")) as other,
    ):
        for socket in (silent, talking, other):
            socket.recv(5)
        at = paused()
        with pytest.raises(ConnectionClosed):
            _talk(talking, at + 5)
        with pytest.raises(ConnectionClosed) as closed:
            silent.recv(5)
        assert time.monotonic() - at < _WITHIN
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == (1008 if served.face.has(Trait.CLOSE_CODE) else 3003)
        other.send("I may")
        assert other.recv(5) == "I may"


@pytest.mark.parametrize(
    "pair", [name for name in FACES if name not in having(Trait.WEBSOCKET)], indirect=True, scope="session"
)
def test_where_there_is_none_a_handshake_opens_nothing(served: Served) -> None:
    unsigned, signed = (served.send("GET", "/feed", [*lines, *_HANDSHAKE]) for lines in (KEY, _signed(served)))
    if served.face.has(Trait.HANDSHAKE):
        assert_refused(unsigned, Code.MISSING_PROOF)
        assert signed.status == 404
    else:
        assert (unsigned.status, signed.status) == (500, 500)
