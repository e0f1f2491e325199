"""The settings as an app would have them, where each came from, and every one that is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mfa_middleware.cli.check_config.problems import Problem, error
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.settings import Settings, options, without_login

__all__ = ["Effective", "Shown", "read_environment"]

_SECRET: Final = ("MFA_SECRET", "MFA_SECRET_FILE")
_INVALID: Final = "not valid"


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as it may be shown: no secret. `source`: `default`, `environment` or MFA_SECRET_FILE."""

    variable: str
    value: Any
    source: str

    @property
    def text(self) -> str:
        """The value as it is written in a variable."""
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        return ", ".join(self.value) if isinstance(self.value, list) else str("" if self.value is None else self.value)


@dataclass(frozen=True, slots=True)
class Effective:
    """What could be read: settings without those that are wrong, all of them to be shown, and what is wrong."""

    settings: Settings
    shown: list[Shown]
    problems: list[Problem]


def read_environment(environ: Mapping[str, str]) -> Effective:
    """Read every setting for itself, so that one that is wrong does not hide the next."""
    good: dict[str, str] = {}
    problems: list[Problem] = []
    for given in _groups(environ):
        try:
            Settings.load(environ=given)
            good |= given
        except ConfigurationError as refused:
            problems.append(error(next(iter(given)), str(refused)))
    settings = Settings.load(environ=good)
    wrong = {problem.variable for problem in problems}
    shown = [_show(settings, name, environ, wrong) for name in options()]
    return Effective(settings, shown, problems)


def _groups(environ: Mapping[str, str]) -> list[dict[str, str]]:
    """The MFA_ variables, each alone; but the two that name the secret exclude each other."""
    ours = {name: value for name, value in sorted(environ.items()) if name.startswith("MFA_")}
    secret: dict[str, str] = {name: ours.pop(name) for name in _SECRET if name in ours}
    return [{name: value} for name, value in ours.items()] + ([secret] if secret else [])


def _show(settings: Settings, name: str, environ: Mapping[str, str], wrong: set[str]) -> Shown:
    variable = f"MFA_{name.upper()}"
    given = next((source for source in (variable, f"{variable}_FILE") if source in environ), None)
    value = _INVALID if given in wrong else _plain(settings, name)
    return Shown(variable, value, "default" if given is None else "environment" if given == variable else given)


def _plain(settings: Settings, name: str) -> Any:
    """The value as JSON has it."""
    value = getattr(settings, name)
    if name == "secret":
        return None if value is None else "set"
    if name == "replay_store":
        return without_login(value)
    if name == "machine_quota":
        return settings.quota
    if isinstance(value, tuple | frozenset):
        return (sorted(value) if isinstance(value, frozenset) else list(value)) or None
    return str(value) if dataclasses.is_dataclass(value) else value
