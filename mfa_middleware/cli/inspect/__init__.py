"""`inspect`: explains a token to a person. Nothing is fetched, and nothing is kept."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.errors import CommandError
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.cli.presented import FORMS_OF_TOKEN, read_presented
from mfa_middleware.errors import ConfigurationError

if TYPE_CHECKING:
    from mfa_middleware.cli.inspect.examined import Examined

__all__ = ["INSPECT"]

_PLACE = "token"


def _configure(parser: Parser) -> None:
    parser.add_argument("token", metavar="TOKEN", help=FORMS_OF_TOKEN)
    parser.add_argument("--keys", metavar="FILE", help="the keys of the app: PEM, certificate, JWK or JWK Set")
    parser.add_argument("--issuer", action="append", default=[], metavar="ISS", help="as in MFA_JWT_ISSUERS")
    parser.add_argument("--audience", action="append", default=[], metavar="AUD", help="as in MFA_JWT_AUDIENCES")
    add_json(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    from mfa_middleware.cli.inspect.telling import tell, to_json

    token = read_presented(options.token, console)
    examined = _examined(token, options, console)
    if options.json:
        console.json(to_json(examined))
    else:
        tell(examined, console)
    return 0


def _examined(token: bytes, options: argparse.Namespace, console: Console) -> Examined:
    from mfa_middleware.cli.inspect.examined import examine

    if options.keys is not None and not Path(options.keys).is_file():
        raise CommandError(f"{options.keys}: there is no such file; keys are never fetched")
    keys = str(Path(options.keys).absolute()) if options.keys else None
    try:
        return examine(token, _PLACE, keys, options.issuer, options.audience, console.clock)
    except ConfigurationError as error:
        raise CommandError(str(error).replace("MFA_JWT_KEYS: item 1", f"{options.keys}")) from None


INSPECT = Command(
    name="inspect",
    summary="Explain a token: what it is, and every trick that stands in it.",
    details="""\
Tells what a strict and what a lenient reader see, how sure each finding is, and where to read about it. With --keys it
also says which key signed the token, and what a forged one was signed with. Nothing is ever fetched.""",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware inspect - < token.txt
  mfa-middleware inspect @token.txt --keys issuer.pem
  mfa-middleware inspect env:TOKEN --json
""",
)
