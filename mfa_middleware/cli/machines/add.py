"""`machines add`: enrol a machine."""

from __future__ import annotations

import argparse
from typing import Any

from mfa_middleware.cli.accepted import warn_of_algorithm
from mfa_middleware.cli.console import Console
from mfa_middleware.cli.keys import add_key_options, public_key
from mfa_middleware.cli.machines.describe import as_json, told, warn_of_permits
from mfa_middleware.cli.machines.limits import add_limits, limits_of
from mfa_middleware.cli.machines.registry import add_file, registry_path
from mfa_middleware.cli.options import add_algorithm, add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.cli.permits import merged, read_permits, stdin_users
from mfa_middleware.cli.sources import check_one_reader
from mfa_middleware.machines import add

__all__ = ["ADD"]


def _configure(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="what people call the machine")
    add_key_options(parser)
    add_algorithm(parser, "the only algorithm its proofs may use; default: what its key is for (RSA: PS256)")
    parser.add_argument("--id", metavar="ID", help="its id in logs and in the app; default: made up")
    add_limits(parser)
    parser.add_argument("--pending", action="store_true", help="it may not act until `machines resume`")
    add_file(parser)
    add_json(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    path, now = registry_path(options), console.clock.wall()
    machine = add(path, _entry(options, now), clock=console.clock)
    if options.json:
        console.json(as_json(machine, path, now))
    else:
        console.say(f"enrolled {told(machine)} in {path}: {machine.state}, {machine.algorithm}")
        console.say(f"thumbprint {machine.thumbprint}")
        if options.pending:
            console.say(f"it may act after: mfa-middleware machines resume {machine.id}")
    warn_of_algorithm(machine, console)
    warn_of_permits(machine, console)
    return 0


def _entry(options: argparse.Namespace, now: float) -> dict[str, Any]:
    check_one_reader([options.jwk, *stdin_users(options.permit)])
    members = limits_of(options, now)
    jwk, algorithm = public_key(options.key, options.jwk)
    return {
        **members,
        "id": options.id,
        "name": options.name,
        "jwk": jwk,
        "algorithm": options.alg or algorithm,
        "state": "pending" if options.pending else None,
        "credentials": merged(read_permits(options.permit)),
    }


ADD = Command(
    name="add",
    summary="Enrol a machine: from now on its proofs count.",
    details="A machine may use only the credentials that are permitted to it; without --permit that is none.",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware machines add depot --key depot.pem --permit key:- < api-key.txt
  mfa-middleware machines add depot --jwk '{"kty":"EC",...}' --permit any
  mfa-middleware machines add billing --jwk - --permit iss=https://id.example.com,sub=billing < billing.jwk
  mfa-middleware machines add night --key night.pem --permit key:env:API_KEY --scope orders:write \\
      --network 10.1.0.0/16 --schedule "mon-fri 22:00-04:00 Europe/Berlin" --valid-until 90d
""",
)
