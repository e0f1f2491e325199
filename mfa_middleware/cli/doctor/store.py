"""The checks of the store that MFA_REPLAY_STORE names: it opens, it is atomic, it is fast enough, it has room."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from mfa_middleware.cli.doctor.child import ChildError, ask, started
from mfa_middleware.cli.doctor.findings import Check, Checks, Status, fail, ok, skipped, warn
from mfa_middleware.cli.doctor.localstore import check_file, check_sharing
from mfa_middleware.cli.doctor.opening import is_remote, terms
from mfa_middleware.cli.doctor.racing import KEYS, THREADS
from mfa_middleware.cli.doctor.server import check_server
from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay import Outcome, sustained_rate
from mfa_middleware.replay.base import FULL, LONGEST_SECONDS
from mfa_middleware.settings import Outage, Settings, without_login

__all__ = ["check_store"]

_SECONDS: Final = 60.0
_RACERS: Final = 4
_LOSES: Final = frozenset({Outcome.SEEN.value, Outcome.RETRIED.value})
_LATER: Final = ("atomic", "latency", "capacity", "sharing")
_BROKEN: Final = (ConfigurationError, StoreError, OSError, ChildError)
_MS: Final = 1_000.0


def check_store(settings: Settings) -> Checks:
    """All checks of the store. The app's own data is looked at and never written; claims go to an app of the doctor."""
    reached = True
    if is_remote(settings):
        for check in check_server(settings):
            reached = reached and check.status is not Status.FAIL
            yield check
    if settings.replay_store == "shared:" or settings.store_outage is Outage.HOST:
        yield check_file(settings)
    if not reached:
        yield from _skip("the server must be right first", "store", *_LATER)
        return
    own = terms(settings)
    try:
        yield from _check_own(settings, own)
    finally:
        _clean_up(settings, str(own["app"]))


def _check_own(settings: Settings, own: dict[str, object]) -> Checks:
    try:
        trial = ask("open", own, _SECONDS)
    except _BROKEN as error:
        yield fail("store", f"{without_login(settings.replay_store)} cannot be used", str(error))
        yield from _skip("the store cannot be used", *_LATER)
        return
    yield ok("store", f"{without_login(settings.replay_store)} opens and makes claims")
    yield _check_race(own, 1 if trial["shared_by"] == "process" else _RACERS)
    yield _check_latency(settings, sorted(trial["seconds"]))
    yield _check_capacity(settings)
    yield from check_sharing(settings, trial["shared_by"])


def _skip(reason: str, *names: str) -> Checks:
    return (skipped(name, reason) for name in names)


def _check_race(own: dict[str, object], racers: int) -> Check:
    try:
        told = _race(own, racers)
    except _BROKEN as error:
        return fail("atomic", f"the race could not be run: {error}", "mend the store, and run the doctor again")
    wins = Counter(number for one in told for number in one["won"])
    outcomes: Counter[str] = sum((Counter(one["outcomes"]) for one in told), Counter())
    crowd = f"{racers} processes x {THREADS}" if racers > 1 else str(THREADS)
    return _judge(wins, outcomes, f"{crowd} threads, all with the same {KEYS} proofs")


def _race(own: dict[str, object], racers: int) -> list[dict[str, Any]]:
    seed, ready = secrets.token_hex(16), threading.Barrier(racers)
    begin = [0.0]

    def run(_: int) -> dict[str, Any]:
        with started("race", own | {"seed": seed}, _SECONDS) as child:
            try:
                child.hear()
            except BaseException:
                ready.abort()
                raise
            if ready.wait(_SECONDS) == 0:
                begin[0] = time.time() + 0.1
            ready.wait(_SECONDS)
            child.tell(begin[0])
            told: dict[str, Any] = child.hear()
            return told

    with ThreadPoolExecutor(racers) as pool:
        runs = [pool.submit(run, number) for number in range(racers)]
    broken = [error for one in runs if (error := one.exception()) is not None]
    for error in sorted(broken, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error
    return [one.result() for one in runs]


def _judge(wins: Counter[int], outcomes: Counter[str], what: str) -> Check:
    twice = sum(1 for count in wins.values() if count > 1)
    if twice:
        cure = "do not serve with it: choose shared: on a local file system, or redis://HOST"
        return fail("atomic", f"{what}: {twice} proofs were accepted more than once", cure)
    odd = {name: count for name, count in outcomes.items() if name not in _LOSES and name != Outcome.NEW.value}
    if odd or len(wins) < KEYS:
        text = ", ".join(f"{count} {name}" for name, count in sorted(odd.items())) or "no further outcome"
        cure = "see the latency; run the doctor again when the host is less busy"
        return warn("atomic", f"{what}: none was accepted twice, but {KEYS - len(wins)} never ({text})", cure)
    return ok("atomic", f"{what}: each was accepted once")


def _check_latency(settings: Settings, times: Sequence[float]) -> Check:
    half, most = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
    limit = settings.store_timeout
    text = f"p50 {half * _MS:.2f} ms, p99 {most * _MS:.2f} ms over {len(times)} claims, one after the other"
    if not is_remote(settings):
        return ok("latency", text) if most < limit else warn("latency", text, "the host is overloaded: give it air")
    text += f"; MFA_STORE_TIMEOUT is {limit * _MS:.0f} ms"
    if half >= limit:
        return fail("latency", text, "nearly every request is refused: bring the server nearer")
    if most >= limit / 2:
        return warn("latency", text, "some requests will be refused: bring the server nearer, or take load off it")
    return ok("latency", text)


def _check_capacity(settings: Settings) -> Check:
    rate, everybody = sustained_rate(settings.quota), settings.capacity * FULL / LONGEST_SECONDS
    text = (
        f"one machine {rate:,.0f} requests/s for ever ({settings.quota:,} live proofs), all together {everybody:,.0f} "
        f"({settings.capacity:,} live proofs)"
    )
    if settings.quota > settings.capacity // 2:
        return warn("capacity", text, "MFA_MACHINE_QUOTA lets one machine leave too little to others: lower it")
    return ok("capacity", text) if rate >= 1 else warn("capacity", text, "raise MFA_CAPACITY or MFA_MACHINE_QUOTA")


def _clean_up(settings: Settings, app: str) -> None:
    """Remove the file of the doctor's own app, and what a killed child left of one."""
    if settings.replay_store != "shared:":
        return
    with contextlib.suppress(ImportError, OSError):
        from mfa_middleware.replay.files import store_path

        path: Path = store_path(app)
        for one in (path, *path.parent.glob(f".{path.name}.*")):
            one.unlink(missing_ok=True)
