"""Honest machines that call as fast as they may, as our client does, and keep every proof that was accepted."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from mfa_middleware.client import PrivateKey, Signer
from scripts.ordeals.house import API_KEY, House
from scripts.ordeals.volleys import ACCEPTED, wire_code
from tests.helpers.rawhttp import Response

__all__ = ["Caller", "Captured", "Load", "calling"]

_BREATH: Final = 0.05


@dataclass(frozen=True, slots=True)
class Captured:
    """A request that was accepted, or lost with the worker that had it; and when it was signed (unix seconds)."""

    octets: bytes
    signed: float


@dataclass
class Caller:
    """One machine. `longest`: the most refusals that it got in a row, without an acceptance between them."""

    house: House
    signer: Signer
    captured: list[Captured] = field(default_factory=list)
    lost: list[Captured] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    workers: dict[int, float] = field(default_factory=dict)
    longest: int = 0
    _refused: int = 0

    def call(self) -> None:
        """One request, and its repetition where the server asks for a nonce."""
        exchange = self.signer.exchange()
        for _ in range(3):
            signed = time.time()
            proof = exchange.headers("GET", self.house.target, [API_KEY], None)["DPoP"]
            octets = self.house.octets(proof)
            try:
                answer = self.house.send(octets)
            except (OSError, EOFError):
                self.answers["no answer"] += 1
                self.lost.append(Captured(octets, signed))
                return
            self._note(answer, Captured(octets, signed))
            if not exchange.learn(answer.status, answer.lines, answer.body):
                return

    def _note(self, answer: Response, sent: Captured) -> None:
        code = wire_code(answer)
        self.answers[code] += 1
        self._refused = 0 if code == ACCEPTED else self._refused + 1
        self.longest = max(self.longest, self._refused)
        if code == ACCEPTED:
            self.captured.append(sent)
            self.workers[int(answer.one("x-worker"))] = time.monotonic()


class Load:
    """All callers."""

    def __init__(self, callers: list[Caller]) -> None:
        self._callers = callers

    def captured(self) -> list[Captured]:
        """What was accepted so far."""
        return [one for caller in self._callers for one in list(caller.captured)]

    def lost(self) -> list[Captured]:
        """What got no answer so far, and may or may not have been accepted."""
        return [one for caller in self._callers for one in list(caller.lost)]

    def answers(self) -> Counter[str]:
        return sum((caller.answers for caller in self._callers), Counter[str]())

    def longest(self) -> int:
        """The most refusals in a row that any machine got."""
        return max(caller.longest for caller in self._callers)

    def workers(self, seconds: float) -> list[int]:
        """The processes that answered lately."""
        since = time.monotonic() - seconds
        return [pid for caller in self._callers for pid, at in list(caller.workers.items()) if at > since]


@contextlib.contextmanager
def calling(house: House, keys: list[PrivateKey]) -> Iterator[Load]:
    """Every machine calls from one thread with a nonce, and from another without, until the block ends."""
    callers = [Caller(house, Signer(key)) for key in keys for _ in range(2)]
    for key, caller in zip(keys, callers[::2], strict=True):
        house.demand_nonce(key, caller.signer)
    stop = threading.Event()

    def run(caller: Caller) -> None:
        while not stop.wait(_BREATH):
            caller.call()

    with ThreadPoolExecutor(len(callers)) as pool:
        running = [pool.submit(run, caller) for caller in callers]
        try:
            yield Load(callers)
        finally:
            stop.set()
    for one in running:
        one.result()
