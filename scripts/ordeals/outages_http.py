"""The same outages, as callers of a real server meet them."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from mfa_middleware.client import Signer
from scripts.ordeals.faults import FAULTS, Fault
from scripts.ordeals.house import WORKERS, House, enrolled, serving
from scripts.ordeals.load import Caller, Captured
from scripts.ordeals.scene import Play, Result, Stage
from scripts.ordeals.volleys import ACCEPTED, wire_code
from tests.helpers import valkey

__all__ = ["away_from"]

_OWNERS: Final = 1
_CAPACITY: Final = 100_000
_QUOTA: Final = _CAPACITY // 4
_CAPTURED: Final = 20
_PATIENCE: Final = 10.0
_UNAVAILABLE: Final = "503 store_unavailable"
_MEDIAN_SECONDS, _BACK_SECONDS = 0.060, 2.0


@dataclass
class _Meeting:
    """A machine, a thief with what it sent, and what both were told. `falls_back`: to the store of the host."""

    house: House
    caller: Caller
    falls_back: bool
    meanwhile: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    back: dict[str, float] = field(default_factory=dict)

    def play(self, server: valkey.Valkey, fault: Fault, seconds: float) -> None:
        """One fault: what was accepted before it is presented while it lasts, and after it."""
        self._capture()
        fault.begin(server)
        if fault.silences:
            (self._go_on if self.falls_back else self._call_meanwhile)(seconds)
        captured = list(self.caller.captured)
        self._present(captured)
        fault.end(server)
        self.back[fault.name] = max(self.back.get(fault.name, 0.0), self._wait())
        self._present(captured)

    def _capture(self) -> None:
        self.caller.captured.clear()
        end = time.monotonic() + _PATIENCE
        while len(self.caller.captured) < _CAPTURED and time.monotonic() < end:
            self.caller.call()
        assert self.caller.captured, f"nothing is accepted: {dict(self.caller.answers)}"

    def _go_on(self, seconds: float) -> None:
        """Honest requests, which the store of the host has to judge; what it accepts is captured as well."""
        before, end = Counter(self.caller.answers), time.monotonic() + seconds
        while time.monotonic() < end:
            self.caller.call()
        self.meanwhile += self.caller.answers - before

    def _call_meanwhile(self, seconds: float) -> None:
        """Honest requests, of which none can be accepted now; and how long each answer takes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            octets = self.house.signed(self.caller.signer)
            began = time.perf_counter()
            code = wire_code(self.house.send(octets))
            self.took.append(time.perf_counter() - began)
            self.meanwhile[code] += 1

    def _present(self, captured: list[Captured]) -> None:
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda one: wire_code(self.house.send(one.octets, "127.0.0.9")), captured * 2)
            self.again.update(answers)

    def _wait(self) -> float:
        """Seconds until an honest machine is accepted again."""
        began, accepted = time.monotonic(), self.caller.answers[ACCEPTED]
        while self.caller.answers[ACCEPTED] == accepted and time.monotonic() - began < _PATIENCE:
            self.caller.call()
            time.sleep(0.01)
        return time.monotonic() - began


def away_from(server: str, *, falls_back: bool = False) -> Play:
    """The scene for one server with four workers. falls_back: under MFA_STORE_OUTAGE=host."""

    def play(stage: Stage) -> Result:
        (key,) = enrolled(stage.folder, _OWNERS)
        with valkey.running(stage.folder / "valkey", began=stage.began) as store:
            settings = {"MFA_REPLAY_STORE": store.url, "MFA_CAPACITY": str(_CAPACITY)}
            settings |= {"MFA_STORE_OUTAGE": "host"} if falls_back else {}
            with serving(stage, server, settings) as house:
                meeting = _Meeting(house, Caller(house, Signer(key)), falls_back)
                for _ in range(stage.size(3, 1)):
                    for fault in FAULTS:
                        meeting.play(store, fault, stage.size(2.0, 0.6))
        return _result(meeting)

    return play


def _result(meeting: _Meeting) -> Result:
    median, back = statistics.median(meeting.took or [0.0]), max(meeting.back.values())
    faults = _wrong_meanwhile(meeting)
    faults += [f"the median 503 took {median:.3f} s"] if median > _MEDIAN_SECONDS else []
    faults += [f"service was back after {back:.1f} s"] if back > _BACK_SECONDS else []
    slow = [took for took in meeting.took if took > 0.03] or [0.0]
    details = {
        "meanwhile": dict(meeting.meanwhile), "again": dict(meeting.again), "median_ms": round(1000 * median, 1),
        "median_of_the_slow_ms": round(1000 * statistics.median(slow), 1),
        "back_seconds": {name: round(took, 2) for name, took in meeting.back.items()},
        "refused_in_a_row": meeting.caller.longest, "quota": _QUOTA, "owners": _OWNERS, "workers": WORKERS,
        "measured": "over HTTP, with a connection for each request",
    }  # fmt: skip
    wrong = meeting.again[ACCEPTED] + (0 if meeting.falls_back else meeting.meanwhile[ACCEPTED])
    return Result(meeting.meanwhile.total() + meeting.again.total(), wrong, 0, tuple(faults), details)


def _wrong_meanwhile(meeting: _Meeting) -> list[str]:
    """Faults: answers to honest machines that are not those of a store which is away, or which stands in."""
    if meeting.falls_back:
        return [] if meeting.meanwhile[ACCEPTED] else ["the store of the host accepted nothing"]
    others = {name: count for name, count in meeting.meanwhile.items() if name != _UNAVAILABLE}
    return [f"{count} answers meanwhile: {name!r}" for name, count in others.items()]
