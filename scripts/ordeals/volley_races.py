"""Races for real proofs over HTTP, against real servers with several workers."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from mfa_middleware.client import PrivateKey, Signer
from scripts.ordeals.house import WORKERS, House, enrolled, serving
from scripts.ordeals.scene import Play, Result, Stage
from scripts.ordeals.volleys import ACCEPTED, REPLAYED, Answers, Gunners, gunners
from tests.helpers import valkey

__all__ = ["raced_over"]

_OWNERS: Final = 4
_BATCH: Final = 10
_CAPACITY: Final = 100_000
_QUOTA: Final = _CAPACITY // 4


def raced_over(server: str, *, on_valkey: bool = False) -> Play:
    """The scene for one server: half of the proofs carry a nonce; a batch is signed, sent, and then the next one.

    on_valkey: with a Valkey server as the store, under a timeout that no busy machine reaches.
    """

    def play(stage: Stage) -> Result:
        if not on_valkey:
            return _play(stage, server, {})
        with valkey.running(stage.folder / "valkey", began=stage.began) as store:
            return _play(stage, server, {"MFA_REPLAY_STORE": store.url, "MFA_STORE_TIMEOUT": "10"})

    return play


def _play(stage: Stage, server: str, settings: Mapping[str, str]) -> Result:
    keys = enrolled(stage.folder, _OWNERS)
    given = {"MFA_ORIGINS": "", "MFA_CAPACITY": str(_CAPACITY), **settings}
    with serving(stage, server, given) as house, gunners(house.port, *stage.size((4, 16), (2, 8))) as shooters:
        answers, oldest = _all(house, shooters, keys, stage.size(300, 20))
    return _result(answers, shooters.contenders, oldest)


def _all(house: House, shooters: Gunners, keys: list[PrivateKey], proofs: int) -> tuple[list[Answers], float]:
    """The answers to each proof, and the greatest age of a proof when its last answer came, in seconds."""
    answers, oldest, requests = list[Answers](), 0.0, _requests(house, keys)
    while len(answers) < proofs:
        signed = time.monotonic()
        answers += shooters.fire(list(itertools.islice(requests, _BATCH)))
        oldest = max(oldest, time.monotonic() - signed)
    return answers, oldest


def _requests(house: House, keys: list[PrivateKey]) -> Iterator[bytes]:
    """Requests signed now, by each machine in turn, without and with a nonce."""
    plain, nonced = [Signer(key) for key in keys], [Signer(key) for key in keys]
    for key, signer in zip(keys, nonced, strict=True):
        house.demand_nonce(key, signer)
    yield from (house.signed(signer) for signer in itertools.cycle([*plain, *nonced]))


def _result(answers: list[Answers], contenders: int, oldest: float) -> Result:
    total = sum(answers, Counter[str]())
    wrong = Counter(each[ACCEPTED] for each in answers if each[ACCEPTED] != 1)
    faults = [f"{proofs} proofs were accepted {count} times" for count, proofs in wrong.items()]
    others = {name: count for name, count in total.items() if name not in (ACCEPTED, REPLAYED)}
    faults += [f"{count} answers were {name!r}" for name, count in others.items()]
    details = {
        "replayed": total[REPLAYED], "quota": _QUOTA, "owners": _OWNERS, "workers": WORKERS, "contenders": contenders,
        "oldest_seconds": round(oldest, 1),
    }  # fmt: skip
    return Result(total.total(), total[ACCEPTED], len(answers), tuple(faults), details)
