"""Workers killed, a server restarted, a store deleted: nothing that was accepted before is accepted again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from mfa_middleware.replay.base import PROOF_SECONDS
from mfa_middleware.replay.files import store_path
from scripts.ordeals.house import WORKERS, House, enrolled, serving, warm_store
from scripts.ordeals.load import Captured, Load, calling
from scripts.ordeals.scene import Play, Result, Stage
from scripts.ordeals.volleys import ACCEPTED, REPLAYED, wire_code
from tests.helpers.processes import free_port, until

__all__ = ["killed"]

_OWNERS: Final = 4
_CAPACITY: Final = 100_000
_QUOTA: Final = _CAPACITY // 4
_SETTINGS: Final = {"MFA_CAPACITY": str(_CAPACITY)}
_EVERY: Final = 0.2


@dataclass
class _Again:
    """What became of captured proofs that were presented again. `oldest`: the greatest age that one of them had."""

    answers: dict[str, Counter[str]] = field(default_factory=dict)
    oldest: float = 0.0

    def present(self, house: House, captured: list[Captured], when: str) -> None:
        """Present each once more, many at a time, so that they spread over the workers."""
        with ThreadPoolExecutor(16) as pool:
            self.answers[when] = Counter(pool.map(lambda one: self._one(house, one), captured))
        self.oldest = max(self.oldest, time.time() - min(one.signed for one in captured))

    def _one(self, house: House, captured: Captured) -> str:
        for _ in range(20):
            with contextlib.suppress(OSError, EOFError):
                return wire_code(house.send(captured.octets, "127.0.0.9"))
            time.sleep(0.1)
        return "no answer"

    def first(self, house: House, lost: list[Captured]) -> list[Captured]:
        """Present what may have been accepted, or not: some are accepted now, and none is after this."""
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda one: self._one(house, one), lost))
        return lost

    @property
    def trials(self) -> int:
        return sum(answers.total() for answers in self.answers.values())

    def accepted(self) -> int:
        return sum(answers[ACCEPTED] for answers in self.answers.values())


def killed(server: str) -> Play:
    """The scene for one server."""

    def play(stage: Stage) -> Result:
        keys, port, again = enrolled(stage.folder, _OWNERS), free_port(), _Again()
        warm_store(stage, _CAPACITY, _QUOTA)
        with contextlib.ExitStack() as first:
            house = first.enter_context(serving(stage, server, _SETTINGS, port=port))
            with calling(house, keys) as load:
                kills = _kill(house, load, stage.size(15.0, 2.0))
                lost = again.first(house, load.lost())
                again.present(house, load.captured() + lost, "killed")
                first.close()
                with serving(stage, server, _SETTINGS, port=port) as house:
                    again.present(house, load.captured() + lost, "restarted")
                    _delete(stage, house, load)
                    again.present(house, load.captured() + lost, "deleted")
        return _result(again, load, kills)

    return play


def _kill(house: House, load: Load, seconds: float) -> int:
    """Kill a worker that answered lately, every 0.2 s; how many were killed."""
    kills, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(_EVERY)
        kills += _kill_one(house, load)
    return kills


def _kill_one(house: House, load: Load) -> bool:
    for pid in random.sample(found := load.workers(2.0), len(found)):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(pid) == house.process.popen.pid:
                os.kill(pid, signal.SIGKILL)
                return True
    return False


def _delete(stage: Stage, house: House, load: Load) -> None:
    """Delete the file of the store under all workers; then one of them is replaced, and the new one answers."""
    until(lambda: len(set(load.workers(60.0))) >= WORKERS, "the workers answer again")
    store_path(stage.app).unlink()
    known = set(load.workers(60.0))
    until(lambda: _kill_one(house, load), "a worker is killed")
    until(lambda: not known.issuperset(load.workers(60.0)), "a new worker answers")


def _result(again: _Again, load: Load, kills: int) -> Result:
    faults = [] if load.longest() <= 1 else [f"a machine was refused {load.longest()} times in a row"]
    for when in ("killed", "restarted"):
        others = {name: count for name, count in again.answers[when].items() if name not in (ACCEPTED, REPLAYED)}
        faults += [f"{count} answers, {when}: {name!r}" for name, count in others.items()]
    if again.oldest > PROOF_SECONDS:
        faults.append(f"some were presented when they were {again.oldest:.0f} s old, which proves nothing")
    details = {
        "kills": kills, "oldest_seconds": round(again.oldest, 1), "honest": dict(load.answers()),
        "refused_in_a_row": load.longest(),
        **{when: dict(answers) for when, answers in again.answers.items()},
        "quota": _QUOTA, "owners": _OWNERS, "workers": WORKERS,
    }  # fmt: skip
    return Result(again.trials, again.accepted(), 0, tuple(faults), details)
