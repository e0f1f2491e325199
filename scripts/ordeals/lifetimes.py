"""A proof presented at every moment of its life and after it, under a clock that is moved by hand."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from mfa_middleware.client import Signer
from mfa_middleware.decision import Decision
from mfa_middleware.http import Request
from mfa_middleware.machines import FileRegistry
from mfa_middleware.replay import open_store
from mfa_middleware.replay.base import AHEAD_SECONDS, PROOF_SECONDS
from mfa_middleware.route import PROTECTED
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings
from mfa_middleware.testing import FrozenClock
from scripts.ordeals.house import API_KEY, enrolled
from scripts.ordeals.scene import Result, Stage

__all__ = ["presented_every_second", "trickled"]

_ORIGIN: Final = "https://api.example.com"
_QUOTA, _OWNERS, _CAPACITY = 25_000, 1, 100_000
_LONGEST: Final = 200
_BODY: Final = b"a body that takes its time"


class _Bench:
    """One enrolled machine and a service whose clock is moved by hand; its store is past its first seconds."""

    def __init__(self, stage: Stage) -> None:
        (self.key,) = enrolled(stage.folder, _OWNERS)
        self.clock = FrozenClock(int(time.time()))
        path = str(stage.folder / "machines.json")
        settings = Settings.load({"machines": path, "origins": _ORIGIN, "app": stage.app}, environ={})
        store = open_store("shared:", capacity=_CAPACITY, quota=_QUOTA, app=stage.app, clock=self.clock)
        registry = FileRegistry(path, clock=self.clock, emit=lambda _: None)
        self.service = Service(settings, registry=registry, store=store, clock=self.clock)
        self.clock.advance(60)
        self.answers: Counter[str] = Counter()

    def signer(self, ahead: float = 0.0) -> Signer:
        """A machine whose clock is ahead; it has learnt nothing yet."""
        return Signer(self.key, clock=lambda: self.clock.wall() + ahead)

    def nonced(self) -> Signer:
        """A machine that has a nonce."""
        signer = Signer(self.key, clock=self.clock.wall)
        decision = self.decide(self.request(Signer(self.key, clock=lambda: 1.0)))
        assert decision.nonce is not None, decision.refusal
        signer.memory.nonce(_ORIGIN, decision.nonce)
        return signer

    def request(self, signer: Signer, body: bytes | None = None) -> Request:
        """A POST with a proof, made now."""
        proof = signer.headers("POST", f"{_ORIGIN}/orders", [API_KEY], body)["DPoP"]
        headers = [(b"host", b"api.example.com"), (b"x-api-key", API_KEY[1].encode()), (b"dpop", proof.encode())]
        return Request("POST", "https", "/orders", b"", headers, "/orders", "", True, "203.0.113.7", "10.0.0.1", False)

    def decide(self, request: Request, read_body: Callable[[int], bytes] = lambda _: _BODY) -> Decision:
        return self.service.decide(request, PROTECTED, read_body)

    def present(self, request: Request, read_body: Callable[[int], bytes] = lambda _: _BODY) -> None:
        """Present it and count the answer."""
        decision = self.decide(request, read_body)
        self.answers["accepted" if decision.allowed else str(decision.refusal and decision.refusal.code)] += 1

    def result(self, expected: int, **details: object) -> Result:
        self.service.close()
        told = {**details, "answers": dict(self.answers), "quota": _QUOTA, "owners": _OWNERS}
        return Result(self.answers.total(), self.answers["accepted"], expected, (), told)


def presented_every_second(stage: Stage) -> Result:
    """Proofs from 15 s ahead, each used first in another second of its life, and again in every second that follows."""
    bench, life = _Bench(stage), int(AHEAD_SECONDS + PROOF_SECONDS)
    for first in range(0, life + 1, stage.size(1, 5)):
        request = bench.request(bench.signer(AHEAD_SECONDS))
        bench.clock.advance(first)
        for _ in range(_LONGEST - first):
            bench.present(request)
            bench.clock.advance(1)
    return bench.result(len(range(0, life + 1, stage.size(1, 5))))


def trickled(stage: Stage) -> Result:
    """Each proof comes twice: once with a body that takes up to 200 s, and meanwhile with one that takes no time."""
    bench, step, proofs = _Bench(stage), stage.size(1, 5), 0
    kinds: list[Callable[[], Signer]] = [bench.signer, lambda: bench.signer(AHEAD_SECONDS), bench.nonced]
    for make in kinds:
        for seconds in range(0, _LONGEST, step):
            _present_slowly(bench, make(), seconds)
            proofs += 1
    return bench.result(proofs, longest_body_seconds=_LONGEST)


def _present_slowly(bench: _Bench, signer: Signer, seconds: float) -> None:
    request = bench.request(signer, _BODY)

    def slow(_: int) -> bytes:
        bench.present(request)
        bench.clock.advance(seconds)
        return _BODY

    bench.present(request, slow)
