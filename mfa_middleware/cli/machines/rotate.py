"""`machines rotate`: give a machine its next key."""

from __future__ import annotations

import argparse

from mfa_middleware.cli.accepted import warn_of_algorithm
from mfa_middleware.cli.console import Console
from mfa_middleware.cli.keys import add_key_options, public_key
from mfa_middleware.cli.machines.describe import as_json, told
from mfa_middleware.cli.machines.registry import add_file, find, registry_path
from mfa_middleware.cli.options import add_algorithm, add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.jose.algorithms import ALGORITHMS
from mfa_middleware.machines import rotate

__all__ = ["ROTATE"]


def _configure(parser: Parser) -> None:
    parser.add_argument("machine", metavar="ID", help="its id, thumbprint or name")
    add_key_options(parser)
    add_algorithm(parser, "its algorithm from now on; default: as before where the key is of the same kind")
    add_file(parser)
    add_json(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    path = registry_path(options)
    before = find(path, options.machine)
    jwk, named = public_key(options.key, options.jwk)
    stays = ALGORITHMS[before.algorithm].fits(jwk)
    algorithm = options.alg or (None if stays else named)
    machine = rotate(path, before.id, jwk, algorithm=algorithm)
    if options.json:
        console.json(as_json(machine, path, console.clock.wall()))
    else:
        console.say(f"{told(machine)} has a new key, {machine.algorithm}; the old one counts no longer")
        console.say(f"thumbprint {machine.thumbprint}")
    warn_of_algorithm(machine, console)
    return 0


ROTATE = Command(
    name="rotate",
    summary="Give a machine its next key, and forget the old one.",
    details="Id, permits and everything else stay. The new key counts, and the old one counts no longer, within 1 s.",
    configure=_configure,
    run=_run,
    examples="  mfa-middleware keygen depot-2.pem\n  mfa-middleware machines rotate depot --key depot-2.pem\n",
)
