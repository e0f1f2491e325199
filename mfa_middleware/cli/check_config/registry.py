"""Whether the file of machines can be read, and whether anybody in it could be accepted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mfa_middleware.cli.check_config.problems import Problem, error, warning
from mfa_middleware.cli.permits import summary_of
from mfa_middleware.machines import Machine, RegistryError, State, load
from mfa_middleware.settings import Settings

__all__ = ["check_registry"]

_VARIABLE: Final = "MFA_MACHINES"
_NAMED: Final = 5


def check_registry(settings: Settings, now: float) -> Iterator[Problem]:
    """Everything that is wrong with the registry."""
    if settings.mode.name == "off":
        return
    path = Path(settings.machines)
    if not path.is_absolute():
        yield warning(_VARIABLE, f"{path} is relative, so it depends on where the app starts; write {path.absolute()}")
    if not os.path.lexists(path):
        yield _absent(settings, path)
        return
    try:
        machines = load(path)
    except RegistryError as refused:
        yield error(_VARIABLE, str(refused))
        return
    yield from _check_machines(settings, machines, now)


def _absent(settings: Settings, path: Path) -> Problem:
    text = f"there is no file {path.absolute()}, so no machine is known; enrol one: mfa-middleware machines add"
    return warning(_VARIABLE, text) if settings.mode.name == "report" else error(_VARIABLE, text)


def _check_machines(settings: Settings, machines: Sequence[Machine], now: float) -> Iterator[Problem]:
    active = [machine for machine in machines if machine.effective_state(now) is State.ACTIVE]
    if not active:
        yield warning(_VARIABLE, f"none of {len(machines)} machines is active; see mfa-middleware machines list")
    idle = [machine for machine in active if summary_of(machine) == "none"]
    if idle and settings.credentials:
        yield warning(_VARIABLE, f"{_names(idle)}: may use no credential; mfa-middleware machines change ID --permit")
    odd = [machine for machine in active if machine.algorithm not in settings.algorithms]
    if odd:
        wanted = ", ".join(sorted({machine.algorithm for machine in odd}))
        yield warning("MFA_ALGORITHMS", f"does not have {wanted}, so {_names(odd)} will be refused (unsupported_alg)")


def _names(machines: Sequence[Machine]) -> str:
    more = [f"and {len(machines) - _NAMED} more"] if len(machines) > _NAMED else []
    return ", ".join([machine.id for machine in machines[:_NAMED]] + more)
