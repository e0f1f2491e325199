"""The same request from many connections at the same moment: all of them hold back their last byte until all stand."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from multiprocessing import get_context
from typing import Any, Final, TypeAlias

from tests.helpers.rawhttp import Response, parsed

__all__ = ["ACCEPTED", "REPLAYED", "Answers", "Gunners", "gunners", "wire_code"]

ACCEPTED: Final = "accepted"
REPLAYED: Final = "replayed"
_PATIENCE: Final = 60.0
_SOURCES: Final = 8

Answers: TypeAlias = "Counter[str]"
"""How often each answer came: accepted, replayed, or else status and code."""


def wire_code(answer: Response) -> str:
    """What an answer says, by what is on the wire: a replay is a 401 with that code, and nothing else is."""
    if answer.status == 200:
        return ACCEPTED
    if answer.status == 401 and answer.code == REPLAYED:
        return REPLAYED
    return f"{answer.status} {answer.code}"


@dataclass(frozen=True, slots=True)
class Gunners:
    """Processes, each with so many connections a volley."""

    pipes: Sequence[Any]
    connections: int

    @property
    def contenders(self) -> int:
        return len(self.pipes) * self.connections

    def fire(self, requests: Sequence[bytes]) -> list[Answers]:
        """The answers to each of these requests, one after the other, each sent by everybody at once."""
        for pipe in self.pipes:
            pipe.send(list(requests))
        sums = [Counter[str]() for _ in requests]
        for pipe in self.pipes:
            for total, answers in zip(sums, pipe.recv(), strict=True):
                total.update(answers)
        return sums


@contextlib.contextmanager
def gunners(port: int, processes: int, connections: int) -> Iterator[Gunners]:
    """Start the processes, and end them with the block."""
    context: Any = get_context("fork")
    stand, pipes, workers = context.Barrier(processes), [], []
    for number in range(processes):
        ours, theirs = context.Pipe()
        worker = context.Process(target=_serve, args=(theirs, port, connections, number, stand), daemon=True)
        worker.start()
        theirs.close()
        pipes.append(ours)
        workers.append(worker)
    try:
        yield Gunners(pipes, connections)
    finally:
        for pipe, worker in zip(pipes, workers, strict=True):
            pipe.close()
            worker.terminate()
            worker.join(10)


def _serve(pipe: Any, port: int, connections: int, number: int, stand: Any) -> None:
    with contextlib.suppress(EOFError):
        while True:
            pipe.send([_volley(port, request, connections, number, stand) for request in pipe.recv()])


def _volley(port: int, request: bytes, connections: int, number: int, stand: Any) -> Answers:
    stand.wait(_PATIENCE)  # until all answers to the last one are in: a half request keeps a synchronous worker busy
    with contextlib.ExitStack() as stack:
        sources = [f"127.0.0.{1 + (number + one) % _SOURCES}" for one in range(connections)]
        wires = [stack.enter_context(_connected(port, source)) for source in sources]
        for wire in wires:
            wire.sendall(request[:-1])
        stand.wait(_PATIENCE)
        for wire in wires:
            wire.sendall(request[-1:])
        return Counter(_answers(wires))


def _connected(port: int, source: str) -> socket.socket:
    wire = socket.create_connection(("127.0.0.1", port), _PATIENCE, (source, 0))
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return wire


def _answers(wires: Sequence[socket.socket]) -> Iterator[str]:
    """Read and close whichever comes first: a server may wait for the close before it serves the next one."""
    deadline = time.monotonic() + _PATIENCE
    with selectors.DefaultSelector() as waiting:
        for wire in wires:
            waiting.register(wire, selectors.EVENT_READ, bytearray())
        while waiting.get_map() and time.monotonic() < deadline:
            for key, _ in waiting.select(deadline - time.monotonic()):
                if not _read_on(key.fileobj, key.data):
                    waiting.unregister(key.fileobj)
                    yield _told(bytes(key.data))
        yield from ["no answer in time"] * len(waiting.get_map())


def _read_on(wire: Any, octets: bytearray) -> bool:
    """Add what came, or close it where that was all."""
    with contextlib.suppress(OSError):
        octets += (came := wire.recv(65_536))
        if came:
            return True
    wire.close()
    return False


def _told(octets: bytes) -> str:
    try:
        return wire_code(parsed(octets))
    except (HTTPException, OSError, ValueError) as error:
        return f"no answer ({type(error).__name__})"
