"""Bodies that come in slowly, and proofs from ahead, against a real server in real time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from mfa_middleware.client import Signer
from scripts.ordeals.house import WORKERS, House, enrolled, serving, warm_store
from scripts.ordeals.scene import Play, Result, Stage
from scripts.ordeals.volleys import ACCEPTED, REPLAYED, wire_code
from tests.helpers.rawhttp import Response, Wire

__all__ = ["slowly"]

_OWNERS: Final = 3
_CAPACITY: Final = 100_000
_QUOTA: Final = _CAPACITY // 4
_BODY: Final = b"a body that takes its time"
_PLAIN: Final = (50, 58, 62, 70, 74, 76, 80, 89, 91, 95, 100, 110)
"""Seconds that bodies take: about the end of a proof's life (60 or 75 s) and of its entry (90 s)."""
_NONCED: Final = (*_PLAIN, 118, 122, 133, 137, 145)
"""The same for a proof with a nonce: a life of 120 s, an entry of 135 s."""


@dataclass
class _Proof:
    """One proof, presented with slow bodies, with quick ones, or every second."""

    octets: bytes
    answers: Counter[str] = field(default_factory=Counter)

    def slowly(self, house: House, seconds: float) -> None:
        """Send the body byte by byte, in so many seconds; the head goes out at once."""
        head, body = self.octets[: -len(_BODY)], self.octets[-len(_BODY) :]
        began = time.monotonic()
        with Wire(house.port, timeout=60) as wire:
            wire.send(head)
            for number in range(len(body)):
                wire.send(body[number : number + 1])
                time.sleep(max(0.0, began + seconds * (number + 1) / len(body) - time.monotonic()))
            self.answers[_answer(wire.answer)] += 1

    def now(self, house: House) -> None:
        self.answers[_answer(lambda: house.send(self.octets, "127.0.0.3"))] += 1

    def every_second(self, house: House, seconds: int) -> None:
        began = time.monotonic()
        for second in range(seconds):
            time.sleep(max(0.0, began + second - time.monotonic()))
            self.now(house)


def _answer(ask: Callable[[], Response]) -> str:
    try:
        return wire_code(ask())
    except (EOFError, OSError) as error:
        return f"no answer ({type(error).__name__})"


def slowly(server: str) -> Play:
    """The scene for one server: everything at once, which takes as long as the slowest body."""

    def play(stage: Stage) -> Result:
        keys = enrolled(stage.folder, _OWNERS)
        warm_store(stage, _CAPACITY, _QUOTA)
        with serving(stage, server, {"MFA_CAPACITY": str(_CAPACITY)}) as house:
            plain, nonced, ahead = (Signer(key, clock=_ahead(14.0 * (key is keys[2]))) for key in keys)
            house.demand_nonce(keys[1], nonced)
            proofs = [_Proof(house.signed(signer, "POST", _BODY)) for signer in (plain, nonced, ahead)]
            _present(house, proofs)
        return _result(proofs)

    return play


def _ahead(seconds: float) -> Callable[[], float]:
    return lambda: time.time() + seconds


def _present(house: House, proofs: Sequence[_Proof]) -> None:
    plain, nonced, ahead = proofs
    with ThreadPoolExecutor(len(_PLAIN) * 2 + len(_NONCED) + 1) as pool:
        slow = [pool.submit(plain.slowly, house, seconds) for seconds in _PLAIN]
        slow += [pool.submit(nonced.slowly, house, seconds) for seconds in _NONCED]
        slow += [pool.submit(ahead.slowly, house, seconds) for seconds in _PLAIN]
        slow.append(pool.submit(ahead.every_second, house, max(_PLAIN)))
        time.sleep(1.0)
        plain.now(house)
        nonced.now(house)
        for one in slow:
            one.result()


def _result(proofs: Sequence[_Proof]) -> Result:
    answers = sum((proof.answers for proof in proofs), Counter[str]())
    faults = [f"a proof was accepted {count} times" for proof in proofs if (count := proof.answers[ACCEPTED]) != 1]
    expected = (ACCEPTED, REPLAYED, "401 use_dpop_nonce")
    faults += [f"{count} answers were {name!r}" for name, count in answers.items() if name not in expected]
    details = {
        "answers": dict(answers), "longest_body_seconds": max(_NONCED), "quota": _QUOTA, "owners": _OWNERS,
        "workers": WORKERS,
    }  # fmt: skip
    return Result(answers.total(), answers[ACCEPTED], len(proofs), tuple(faults), details)
