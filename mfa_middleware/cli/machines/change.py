"""`machines change`: what a machine may do, where and when."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.errors import CommandError, UsageError
from mfa_middleware.cli.machines.describe import as_json, facts_of, warn_of_permits
from mfa_middleware.cli.machines.limits import add_limits, limits_of
from mfa_middleware.cli.machines.registry import add_file, find, registry_path
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.cli.permits import merged, read_permits, stdin_users
from mfa_middleware.cli.sources import check_one_reader
from mfa_middleware.machines import edit

__all__ = ["CHANGE"]


def _configure(parser: Parser) -> None:
    parser.add_argument("machine", metavar="ID", help="its id, thumbprint or name")
    parser.add_argument("--name", metavar="NAME", help="what people call it")
    add_limits(parser)
    parser.add_argument("--forbid", action="append", default=[], metavar="WHAT", help="take a permit away; repeat")
    parser.add_argument("--next-thumbprint", metavar="THUMBPRINT", help="the only key that `rotate` may give it")
    add_file(parser)
    add_json(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    path, now = registry_path(options), console.clock.wall()
    members = _members(options, now)
    check_one_reader(stdin_users([*options.permit, *options.forbid]))
    permit, forbid = read_permits(options.permit), read_permits(options.forbid)
    if not (members or permit or forbid):
        raise UsageError("nothing to change; see: mfa-middleware machines change --help")
    wanted = find(path, options.machine).id
    with edit(path) as entries:
        entry = next((entry for entry in entries if entry["id"] == wanted), None)
        if entry is None:
            raise CommandError(f"machine {wanted} has gone meanwhile")
        entry.update(members)
        entry["credentials"] = _permits(entry, permit, forbid)
    machine = find(path, wanted)
    if options.json:
        console.json(as_json(machine, path, now))
    else:
        console.facts(facts_of(machine, path, now))
    warn_of_permits(machine, console)
    return 0


def _members(options: argparse.Namespace, now: float) -> dict[str, Any]:
    texts = {"name": options.name, "next_thumbprint": options.next_thumbprint}
    return {
        **limits_of(options, now),
        **{name: text or None for name, text in texts.items() if text is not None},
    }


def _permits(entry: Mapping[str, Any], permit: Sequence[Any], forbid: Sequence[Any]) -> list[Any]:
    before = entry.get("credentials") or []
    if any(item not in before for item in forbid):
        raise UsageError(f"--forbid: {entry['id']} has no such permit; see: mfa-middleware machines show {entry['id']}")
    return merged([*before, *permit], without=forbid)


CHANGE = Command(
    name="change",
    summary="Change what a machine may do, where and when.",
    details="""\
--permit adds to the credentials that it may use and --forbid takes away; every other option replaces what was there,
and an empty value ("") removes it.""",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware machines change depot --permit key:- < new-api-key.txt
  mfa-middleware machines change depot --forbid any
  mfa-middleware machines change depot --scope orders:read --scope orders:write --valid-until 90d
  mfa-middleware machines change depot --schedule "" --network 10.1.0.0/16
""",
)
