"""Which registry a command means, and which machine in it."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from pathlib import Path

from mfa_middleware.cli.environment import settings_of
from mfa_middleware.cli.errors import CommandError
from mfa_middleware.cli.parser import Parser
from mfa_middleware.machines import Machine, load

__all__ = ["add_file", "find", "registry_path"]

_VARIABLE = "MFA_MACHINES"


def add_file(parser: Parser, *, group: bool = False) -> None:
    """`--file`, which may stand before or after the name of the command in the group."""
    default = None if group else argparse.SUPPRESS
    text = f"the registry; default: {_VARIABLE}, else machines.json in this directory"
    parser.add_argument("--file", metavar="FILE", default=default, help=text)


def registry_path(options: argparse.Namespace) -> Path:
    """The registry that --file or MFA_MACHINES names."""
    return Path(options.file or settings_of(_VARIABLE).machines)


def find(path: Path, wanted: str, machines: Sequence[Machine] | None = None) -> Machine:
    """The machine with this id, thumbprint or name. Raises CommandError with the nearest ids, RegistryError."""
    known = load(path) if machines is None else machines
    for machine in known:
        if wanted in (machine.id, machine.thumbprint):
            return machine
    named = [machine for machine in known if machine.name == wanted]
    if len(named) == 1:
        return named[0]
    if named:
        raise CommandError(f"{len(named)} machines are called {wanted!r}; say which: {_ids(named)}")
    raise CommandError(f"machine {wanted[:64]!r} is not enrolled in {path}; {_suggestion(wanted, known)}")


def _suggestion(wanted: str, known: Sequence[Machine]) -> str:
    words = {word: machine for machine in known for word in (machine.name, machine.id)}
    near = {words[word].id: words[word] for word in difflib.get_close_matches(wanted, words, 3, 0.5)}
    if near:
        return f"the nearest: {_ids(list(near.values()))}"
    return "see: mfa-middleware machines list" if known else "nobody is: mfa-middleware machines add"


def _ids(machines: Sequence[Machine]) -> str:
    shown = [machine.id if machine.name == machine.id else f"{machine.id} ({machine.name})" for machine in machines[:5]]
    return ", ".join([*shown, "..."] if len(machines) > len(shown) else shown)
