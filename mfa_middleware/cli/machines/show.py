"""`machines show`: all that is known about one machine."""

from __future__ import annotations

import argparse

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.machines.describe import as_json, facts_of
from mfa_middleware.cli.machines.registry import add_file, find, registry_path
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser

__all__ = ["SHOW"]


def _configure(parser: Parser) -> None:
    parser.add_argument("machine", metavar="ID", help="its id, thumbprint or name")
    add_file(parser)
    add_json(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    path, now = registry_path(options), console.clock.wall()
    machine = find(path, options.machine)
    if options.json:
        console.json(as_json(machine, path, now))
    else:
        console.facts(facts_of(machine, path, now))
    return 0


SHOW = Command(
    name="show",
    summary="Show one machine: what it may do, where and when, and whether it may act now.",
    configure=_configure,
    run=_run,
    examples="  mfa-middleware machines show depot\n",
)
