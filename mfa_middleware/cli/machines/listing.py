"""`machines list`: all machines in a table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.machines.describe import as_json
from mfa_middleware.cli.machines.registry import add_file, registry_path
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.cli.permits import summary_of
from mfa_middleware.cli.times import ago
from mfa_middleware.machines import Machine, State, last_seen, load

__all__ = ["LIST"]

_HEAD: Final = ("ID", "NAME", "STATE", "ALG", "PERMITS", "LAST SEEN")
_COLOURS: Final = {
    State.ACTIVE.value: "green",
    State.PENDING.value: "yellow",
    State.PAUSED.value: "yellow",
    State.REVOKED.value: "red",
    State.EXPIRED.value: "red",
}


def _configure(parser: Parser) -> None:
    parser.add_argument("--state", choices=[state.value for state in State], help="only machines in this state")
    add_file(parser)
    add_json(parser, "print one JSON object a line, for programs")


def _run(options: argparse.Namespace, console: Console) -> int:
    path, now = registry_path(options), console.clock.wall()
    machines = [machine for machine in load(path) if options.state in (None, machine.effective_state(now))]
    if options.json:
        for machine in machines:
            console.json(as_json(machine, path, now))
    elif machines:
        console.table(_HEAD, _rows(machines, path, now), _COLOURS)
    elif options.state:
        console.say(f"no machine in {path} is {options.state}")
    else:
        console.say(f"no machine is enrolled in {path}")
        console.say("enrol one: mfa-middleware machines add NAME --key FILE --permit key:-")
    return 0


def _rows(machines: Sequence[Machine], path: Path, now: float) -> list[tuple[str, ...]]:
    return [
        (
            machine.id,
            machine.name,
            machine.effective_state(now).value,
            machine.algorithm,
            summary_of(machine),
            ago(last_seen(path, machine.id), now),
        )
        for machine in machines
    ]


LIST = Command(
    name="list",
    summary="Show all machines.",
    details="The state is the one that counts now: an active machine whose validity has ended is expired.",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware machines list
  mfa-middleware machines list --state pending
  mfa-middleware machines list --json | jq -r 'select(.last_seen == null).id'
""",
)
