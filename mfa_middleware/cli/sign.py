"""`sign`: the proof for one request, for curl and for everything else that has no adapter."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.curl import curl_command, unset_variables
from mfa_middleware.cli.errors import UsageError
from mfa_middleware.cli.headers import Header, read_header
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.cli.signing import add_signing_options, read_key, read_method, read_places, read_target
from mfa_middleware.cli.sources import check_one_reader, read_bytes, read_input
from mfa_middleware.client import sign_headers
from mfa_middleware.client.places import HeaderItems, Places, header_lines
from mfa_middleware.client.target import Target

__all__ = ["SIGN"]

_EXAMPLE: Final = "mfa-middleware sign GET https://api.example.com/orders"
_MAX_BODY: Final = 64 * 1024 * 1024


def _configure(parser: Parser) -> None:
    parser.add_argument("method", metavar="METHOD", help="GET, POST, ...")
    parser.add_argument("url", metavar="URL", help="absolute, as it will be sent")
    add_signing_options(parser)
    parser.add_argument("--data", metavar="BODY", help="the body, as it will be sent: text, @FILE or -")
    parser.add_argument("--nonce", metavar="NONCE", help="the DPoP-Nonce of the last answer")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--curl", action="store_true", help="print a whole curl command, without the credential")
    add_json(form)


def _run(options: argparse.Namespace, console: Console) -> int:
    method, target = read_method(options.method, _EXAMPLE), read_target(options.url)
    places = read_places(options.places)
    headers = [Header.parse(text) for text in options.header]
    if options.curl:
        _check_curl(target, places, options.data)
    check_one_reader([*(header.source for header in headers), "-" if options.data == "@-" else options.data])
    given = [read_header(header) for header in headers]
    key, body = read_key(options.key, options.alg), _body(options.data)
    signed = sign_headers(
        key, method, options.url, headers=given, body=body, nonce=options.nonce, places=places, clock=console.clock.wall
    )
    if options.json:
        console.json({"method": method, "htu": target.htu, "headers": signed})
    elif options.curl:
        console.say(curl_command(method, target, headers, options.data, signed))
    else:
        console.say("\n".join(f"{name}: {value}" for name, value in signed.items()))
    _warn(options, console, headers=headers, bound=not places or bool(_found(places, given, target)))
    return 0


def _warn(options: argparse.Namespace, console: Console, *, headers: Sequence[Header], bound: bool) -> None:
    if not bound:
        console.warn("no credential is bound; give the header that carries it: --header 'X-API-Key: @FILE'")
    for variable in unset_variables(headers) if options.curl else ():
        console.warn(f"set the shell variable {variable} to the credential first")


def _found(places: Sequence[str], headers: HeaderItems, target: Target) -> list[tuple[str, str]]:
    return Places(places).hashes(header_lines(headers), target.query)


def _check_curl(target: Target, places: Sequence[str], data: str | None) -> None:
    if data in ("-", "@-"):
        raise UsageError("--curl needs the body in a file; write --data @FILE")
    if _found([place for place in places if place.lower().startswith("query:")], (), target):
        raise UsageError("--curl never prints a credential, and this URL has one in it; leave out --curl")


def _body(text: str | None) -> bytes | None:
    if text is None:
        return None
    if text in ("-", "@-"):
        return read_input(_MAX_BODY)
    return read_bytes(text[1:], _MAX_BODY) if text[:1] == "@" else text.encode()


SIGN = Command(
    name="sign",
    summary="Print the proof for one request, as a header for curl.",
    details="""\
A proof holds for this method, URL, credential and body, for a minute, and is accepted once.
The credential is bound by giving the header that carries it; only the DPoP header is printed.""",
    configure=_configure,
    run=_run,
    examples="""\
  PROOF="$(mfa-middleware sign GET https://api.example.com/orders --header 'X-API-Key: env:API_KEY')"
  curl -H "X-API-Key: $API_KEY" -H "$PROOF" https://api.example.com/orders

  mfa-middleware sign POST https://api.example.com/orders --header 'Authorization: Bearer @token.txt' --data @order.json
  mfa-middleware sign GET https://api.example.com/orders --header 'X-API-Key: @api-key.txt' --curl | sh
""",
)
