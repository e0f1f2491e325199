"""The same request on many new connections at the same moment, so that many workers take part."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from mfa_middleware.cli.doctor.live.call import Address, Call, Lines
from mfa_middleware.cli.doctor.live.wire import Answer, NoAnswer, exchange

__all__ = ["addresses", "volley"]

_PATIENCE: Final = 2.0
"""Seconds that connections wait for the slowest: a worker that serves one at a time may not greet the next before."""
_MOST_ADDRESSES: Final = 16


def addresses(call: Call) -> list[Address]:
    """Where to connect: what was said, else every address that the host of the URL has. Raises OSError."""
    if call.at:
        return list(call.at)
    host, port = call.address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((str(info[4][0]), port) for info in found))[:_MOST_ADDRESSES]


def volley(call: Call, lines: Lines, places: Sequence[Address], count: int) -> list[Answer | NoAnswer]:
    """The answers to `count` equal requests, spread evenly over the addresses, in that order."""
    octets, together = call.octets(lines), threading.Barrier(count)

    def meet() -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(min(_PATIENCE, call.seconds / 2))

    def send(number: int) -> Answer | NoAnswer:
        return exchange(call, places[number % len(places)], octets, meet)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(send, range(count)))
