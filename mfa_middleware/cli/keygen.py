"""`keygen`: a private key for a machine, in a file that only its owner can read."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from pathlib import Path

from mfa_middleware.cli.accepted import opt_in
from mfa_middleware.cli.console import Console
from mfa_middleware.cli.errors import CommandError, UsageError
from mfa_middleware.cli.keys import usual_algorithm
from mfa_middleware.cli.options import add_algorithm, add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.client.keyfile import load_key
from mfa_middleware.client.keys import PrivateKey

__all__ = ["KEYGEN"]


def _configure(parser: Parser) -> None:
    parser.add_argument("file", nargs="?", default="machine.pem", metavar="FILE", help="default: machine.pem")
    add_algorithm(parser, "of its proofs: ES256 (default), Ed25519, PS256, ES384, RS256, ML-DSA-44, ML-DSA-65")
    parser.add_argument("--show", action="store_true", help="make no key; tell the public half of the one in FILE")
    add_json(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    key = load_key(options.file, create=False, alg=options.alg) if options.show else _made(options)
    if options.json:
        jwk = dict(key.public_jwk)
        console.json({"file": options.file, "algorithm": key.alg, "thumbprint": key.thumbprint, "jwk": jwk})
    else:
        if not options.show:
            console.say(f"wrote the private key to {options.file}, for you alone; it never leaves this machine")
        _tell(key, options.file, console)
    if setting := opt_in(key.alg):
        console.warn(f"{key.alg} is not accepted by default; the app needs {setting}")
    return 0


def _made(options: argparse.Namespace) -> PrivateKey:
    file = options.file
    if file == "-":
        raise UsageError("a private key is never printed; name a file")
    if os.path.lexists(file):
        advice = f"for its public half: mfa-middleware keygen {shlex.quote(file)} --show"
        raise CommandError(f"{file} exists already and is left as it is; {advice}")
    return load_key(file, alg=options.alg or "ES256")


def _tell(key: PrivateKey, file: str, console: Console) -> None:
    jwk = json.dumps(dict(key.public_jwk), separators=(",", ":"))
    name, alg = shlex.quote(Path(file).stem), "" if key.alg == usual_algorithm(key.public_jwk) else f" --alg {key.alg}"
    console.facts({"algorithm": key.alg, "thumbprint": key.thumbprint, "public key": jwk})
    console.say()
    console.say("now enrol it where the API runs; you will be asked for the API key or token that it may use:")
    console.say()
    console.say(f"  mfa-middleware machines add {name} --jwk {shlex.quote(jwk)}{alg} --permit key:-")


KEYGEN = Command(
    name="keygen",
    summary="Make a private key for a machine.",
    details="It is written with mode 0600, and no file is ever overwritten.",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware keygen
  mfa-middleware keygen depot.pem --alg Ed25519
  mfa-middleware keygen depot.pem --show
""",
)
