"""Whether the apps accept the algorithm of a machine at all."""

from __future__ import annotations

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.environment import settings_of
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.machines import Machine

__all__ = ["opt_in", "warn_of_algorithm"]

_VARIABLE = "MFA_ALGORITHMS"


def opt_in(algorithm: str) -> str | None:
    """What an app must be configured with for this algorithm; None where it is accepted as things stand here."""
    try:
        accepted = settings_of(_VARIABLE).algorithms
    except ConfigurationError:
        return None
    if algorithm in accepted:
        return None
    return f"{_VARIABLE}={','.join([*sorted(accepted), algorithm])}"


def warn_of_algorithm(machine: Machine, console: Console) -> None:
    """Say that the apps must opt in to the algorithm of this machine, unless they have."""
    if setting := opt_in(machine.algorithm):
        console.warn(f"{machine.algorithm} is not accepted by default; the app needs {setting}")
