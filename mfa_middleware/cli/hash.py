"""`hash`: the form in which a registry names a credential."""

from __future__ import annotations

import argparse

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.errors import UsageError
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.cli.sources import FORMS, is_source, read_credential
from mfa_middleware.credentials import hash_of

__all__ = ["HASH"]


def _configure(parser: Parser) -> None:
    parser.add_argument("source", nargs="?", default="-", metavar="SOURCE", help=f"{FORMS}; default: -")
    add_json(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    if not is_source(options.source):
        raise UsageError(f"a credential is not written on the command line, which everybody can read; write {FORMS}")
    permit = f"sha256:{hash_of(read_credential(options.source))}"
    if options.json:
        console.json({"permit": permit})
    else:
        console.say(permit)
    return 0


HASH = Command(
    name="hash",
    summary="Print the hash of an API key or token, to permit it to a machine.",
    details="""\
So the credential itself never has to be shown to whoever enrols the machine. A bearer token is given without its
scheme. Whoever sees the hash of a short or guessable credential can find it by trying.""",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware hash < api-key.txt
  mfa-middleware hash env:API_KEY
  mfa-middleware machines change depot --permit "$(mfa-middleware hash @api-key.txt)"
""",
)
