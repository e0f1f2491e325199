"""The checks of the settings and of the files that they name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Final

from mfa_middleware.cli.check_config.effective import Effective, read_environment
from mfa_middleware.cli.check_config.problems import Level, Problem
from mfa_middleware.cli.check_config.registry import check_registry
from mfa_middleware.cli.check_config.resources import check_event_log, check_first_use
from mfa_middleware.cli.check_config.risks import risks_of
from mfa_middleware.cli.doctor.findings import Check, Checks, fail, ok, skipped, warn
from mfa_middleware.cli.doctor.opening import is_remote
from mfa_middleware.machines import RegistryError, State, load
from mfa_middleware.settings import Settings

__all__ = ["check_settings", "read_settings"]

_ELSEWHERE: Final = frozenset({"MFA_REPLAY_STORE", "MFA_MACHINE_QUOTA"})
"""Risks that the checks of the store tell with what they measured."""
_ALWAYS: Final = ("mode", "origins")


def read_settings(environ: Mapping[str, str]) -> Effective:
    """The settings of the app, as far as they are valid."""
    return read_environment(environ)


def check_settings(effective: Effective, now: float) -> Checks:
    """All checks of settings, registry and event log, at `now` in unix seconds."""
    settings = effective.settings
    yield from _check_valid(effective)
    yield from _check_risks(settings, {problem.variable for problem in effective.problems})
    yield from _check_machines(settings, now)
    yield from _check_event_log(settings)
    yield _check_secret(settings)


def _check_valid(effective: Effective) -> Checks:
    if effective.problems:
        yield from map(_told, effective.problems)
        return
    given = sum(shown.source != "default" for shown in effective.shown)
    yield ok("settings", f"{given} set by MFA_ variables, all valid; what the app sets in its code is not seen here")


def _check_risks(settings: Settings, wrong: Set[str]) -> Checks:
    """`wrong`: variables that are not valid, and so not what the settings have."""
    risks = [risk for risk in risks_of(settings) if risk.variable not in _ELSEWHERE | wrong]
    told = {risk.variable for risk in risks} | wrong
    for name in _ALWAYS:
        if f"MFA_{name.upper()}" not in told:
            value = getattr(settings, name)
            yield ok(name, ", ".join(value) if isinstance(value, tuple) else str(value))
    yield from map(_told, risks)


def _check_machines(settings: Settings, now: float) -> Checks:
    if settings.mode.name == "off":
        yield skipped("machines", "MFA_MODE=off asks nobody for a proof")
        return
    problems = [*check_registry(settings, now), *check_first_use(settings)]
    if not any(problem.level is Level.ERROR for problem in problems):
        yield from _present(Path(settings.machines), now)
    yield from map(_told, problems)


def _present(path: Path, now: float) -> Iterator[Check]:
    try:
        machines, mode = load(path), stat.S_IMODE(path.stat().st_mode)
    except (RegistryError, OSError):  # which is among the problems
        return
    active = sum(machine.effective_state(now) is State.ACTIVE for machine in machines)
    yield ok("machines", f"{path.absolute()}: {_count(machines)}, {active} active; mode {mode:04o}")


def _count(machines: Sequence[object]) -> str:
    return f"{len(machines)} machine{'' if len(machines) == 1 else 's'}"


def _check_event_log(settings: Settings) -> Checks:
    if settings.event_log is None:
        yield skipped("event-log", "MFA_EVENT_LOG is not set; events go to the logger mfa_middleware only")
        return
    problems = list(check_event_log(settings))
    yield from map(_told, problems)
    if not problems:
        there = "can be appended to" if os.path.lexists(settings.event_log) else "can be made"
        yield ok("event-log", f"{settings.event_log} {there}")


def _check_secret(settings: Settings) -> Check:
    if settings.secret is not None:
        return ok("secret", "MFA_SECRET is set: all hosts that have the same one agree on nonces and on enforce:N%")
    if is_remote(settings):
        return ok("secret", "not set: random and kept in the store, so all hosts agree")
    text = "not set: random and kept in the store of each host"
    if settings.mode.name == "enforce" and settings.mode.percent < 100:
        text += f", so each host enforces for other {settings.mode.percent:g} % of the credentials"
        return warn("secret", text, "with several hosts write the same MFA_SECRET_FILE on all of them")
    return ok("secret", f"{text}; with several hosts, write the same MFA_SECRET_FILE on all of them")


def _told(problem: Problem) -> Check:
    """A problem of check-config, whose text ends with what to do where there is anything."""
    is_error = problem.level is Level.ERROR
    found, semicolon, advice = problem.text.rpartition("; ")
    if not semicolon:
        found, advice = problem.text, f"change {problem.variable}{'' if is_error else ', unless this is wanted'}"
    make = fail if is_error else warn
    name = problem.variable.removeprefix("MFA_").lower().replace("_", "-")
    return make(name, f"{problem.variable}: {found}", advice)
