"""`machines pause`, `resume`, `revoke`, `retire`: from one state to another."""

from __future__ import annotations

import argparse
from functools import partial

from mfa_middleware.cli.accepted import warn_of_algorithm
from mfa_middleware.cli.console import Console
from mfa_middleware.cli.machines.describe import as_json, told, warn_of_permits
from mfa_middleware.cli.machines.registry import add_file, find, registry_path
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.machines import Machine, State, load, set_state

__all__ = ["PAUSE", "RESUME", "RETIRE", "REVOKE"]


def _configure(parser: Parser) -> None:
    parser.add_argument("machines", metavar="ID", nargs="+", help="ids, thumbprints or names")
    add_file(parser)
    add_json(parser, "print one JSON object a line, for programs")


def _run(options: argparse.Namespace, console: Console, *, state: State) -> int:
    path, now = registry_path(options), console.clock.wall()
    known = load(path)
    wanted = [find(path, name, known) for name in options.machines]
    for before in {machine.id: machine for machine in wanted}.values():
        machine = set_state(path, before.id, state)
        if options.json:
            console.json(as_json(machine, path, now))
        else:
            console.say(f"{told(machine)} {_change(before, machine, now)}")
        if state is State.ACTIVE:
            warn_of_algorithm(machine, console)
            warn_of_permits(machine, console)
    return 0


def _change(before: Machine, after: Machine, now: float) -> str:
    text = f"was {after.state} already" if before.state is after.state else f"is {after.state}, was {before.state}"
    if after.effective_state(now) is State.EXPIRED:
        return f"{text}, but has expired; mfa-middleware machines change {after.id} --valid-until 90d"
    return text


def _command(name: str, state: State, summary: str, details: str) -> Command:
    return Command(
        name=name,
        summary=summary,
        details=details,
        configure=_configure,
        run=partial(_run, state=state),
        examples=f"  mfa-middleware machines {name} depot\n",
    )


PAUSE = _command(
    "pause", State.PAUSED, "Stop a machine for a time.", "Its proofs are refused (machine_inactive) until `resume`."
)
RESUME = _command(
    "resume", State.ACTIVE, "Let a paused machine act again, or approve a pending one.", "Active ones stay active."
)
REVOKE = _command(
    "revoke",
    State.REVOKED,
    "Stop a machine for good, because its key may be in other hands.",
    "That is final; the machine needs a new key and a new entry. To stop it for a time: pause.",
)
RETIRE = _command(
    "retire",
    State.RETIRED,
    "Stop a machine for good, because it is out of service.",
    "That is final, like revoke, but says that nothing bad happened.",
)
