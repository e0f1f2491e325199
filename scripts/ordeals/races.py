"""Races for a store, without HTTP around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from scripts.ordeals import luck
from scripts.ordeals.claims import Opener, opener
from scripts.ordeals.crowds import UNANSWERED, Crowd, Raced, race, race_over_forks
from scripts.ordeals.scene import Result, Stage
from tests.helpers import valkey

__all__ = [
    "atomic_by_luck",
    "raced",
    "shared_forked",
    "shared_preloaded",
    "shared_spawned",
    "valkey_tasks",
    "valkey_threads",
]

_FULL: Final = Crowd(processes=8, contenders=64, proofs=10_000, owners=16)
_QUICK: Final = Crowd(processes=4, contenders=8, proofs=1_000, owners=16)
_CAPACITY: Final = 100_000
_QUOTA: Final = _CAPACITY // 4
_PATIENCE: Final = 20.0


def shared_spawned(stage: Stage) -> Result:
    """Processes that know nothing of each other but the name of the app."""
    crowd = stage.size(_FULL, _QUICK)
    return raced(crowd, race(_shared(stage), crowd, "spawn"))


def shared_forked(stage: Stage) -> Result:
    """Processes that were forked, each of which opens the store."""
    crowd = stage.size(_FULL, _QUICK)
    return raced(crowd, race(_shared(stage), crowd, "fork"))


def shared_preloaded(stage: Stage) -> Result:
    """Processes that inherit an open store."""
    crowd = stage.size(_FULL, _QUICK)
    return raced(crowd, race_over_forks(_shared(stage), crowd))


def valkey_threads(stage: Stage) -> Result:
    """Threads with a connection each to a Valkey server, under a timeout that no busy machine reaches."""
    return _over_valkey(stage, stage.size(_FULL, Crowd(processes=4, contenders=8, proofs=200, owners=16)))


def valkey_tasks(stage: Stage) -> Result:
    """The same by tasks of an event loop, whose claims share round trips."""
    crowd = stage.size(_FULL, Crowd(processes=4, contenders=16, proofs=200, owners=16))
    return _over_valkey(stage, replace(crowd, tasks=True))


def _over_valkey(stage: Stage, crowd: Crowd) -> Result:
    with valkey.running(stage.folder / "valkey", began=stage.began) as server:
        return raced(crowd, race(opener(server.url, stage.app, _CAPACITY, _QUOTA, timeout=_PATIENCE), crowd, "fork"))


def atomic_by_luck(stage: Stage) -> Result:
    """The race itself is put to the test: a store that finds and then adds must be caught."""
    crowd = Crowd(processes=4, contenders=8, proofs=200, owners=1)
    won, _ = race(luck.opener(stage.folder), crowd, "fork")
    twice = sum(count > 1 for count in won.values())
    faults = () if twice else ("the race did not catch a store that finds and then adds",)
    told = {"caught": twice, "owners": crowd.owners, "workers": crowd.processes, "threads": crowd.contenders}
    return Result(crowd.trials, won.total(), won.total(), faults, told)


def raced(crowd: Crowd, came: Raced, quota: int = _QUOTA, **details: Any) -> Result:
    """The result of a race: each proof accepted once, and each other answer a replay, or none in time."""
    won, others = came
    unanswered = others.pop(UNANSWERED, 0)
    faults = [*accepted_wrongly(won, crowd.proofs), *(f"{n} answers were {name!r}" for name, n in others.items())]
    told = {
        "quota": quota, "owners": crowd.owners, "workers": crowd.processes,
        "tasks" if crowd.tasks else "threads": crowd.contenders,
        **({UNANSWERED: unanswered} if unanswered else {}), **details,
    }  # fmt: skip
    return Result(crowd.trials, won.total(), crowd.proofs, tuple(faults), told)


def accepted_wrongly(won: Mapping[int, int], proofs: int) -> list[str]:
    """Faults: proofs that were not accepted exactly once."""
    counts = Counter(won.get(proof, 0) for proof in range(proofs))
    return [f"{number} proofs were accepted {count} times" for count, number in sorted(counts.items()) if count != 1]


def _shared(stage: Stage) -> Opener:
    return opener("shared:", stage.app, _CAPACITY, _QUOTA)
