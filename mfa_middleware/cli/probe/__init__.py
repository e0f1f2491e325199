"""`probe`: plays the catalogue against a running app, and tells what got through, what was blocked, what was named."""

from __future__ import annotations

import argparse
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.errors import CommandError, UsageError
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.cli.presented import FORMS_OF_TOKEN, read_token

if TYPE_CHECKING:
    from mfa_middleware.cli.probe.session import Session

__all__ = ["PROBE"]

_FLAG = "--i-may-attack"


def _configure(parser: Parser) -> None:
    parser.add_argument("url", metavar="URL", help="a route of your app that needs a token, for GET")
    parser.add_argument("--token", required=True, metavar="TOKEN", help=f"one that it accepts: {FORMS_OF_TOKEN}")
    parser.add_argument("--keys", metavar="FILE", help="the public keys of the app: PEM, certificate, JWK or JWK Set")
    parser.add_argument("--machine-key", metavar="FILE", help="the private key of an enrolled machine")
    parser.add_argument("--event-log", metavar="FILE", help="what the app writes to MFA_EVENT_LOG, to see the names")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="play this row (may be repeated)")
    parser.add_argument("--flood", action="store_true", help="also use up the quota of the machine")
    parser.add_argument(_FLAG, metavar="HOST", dest="permitted", help="the host of the URL, where it is not this one")
    add_json(parser, "print one JSON object a row, for programs")


def _run(options: argparse.Namespace, console: Console) -> int:
    from mfa_middleware.cli.catalog import trick_named
    from mfa_middleware.cli.probe.rows import Outcome, all_rows
    from mfa_middleware.cli.probe.telling import Progress, tell

    local = _check_host(options.url, options.permitted)
    chosen = [trick_named(name).id for name in options.only]
    session = _session(options, console, local=local)
    session.begin()
    progress, rows = Progress(console.err, len(chosen) or len(all_rows())), []
    for row in session.rows(chosen):
        progress.step(row.trick.id)
        rows.append(row)
    progress.end()
    if options.json:
        for row in rows:
            console.json(row.to_json())
    else:
        tell(rows, console, names=options.event_log is not None)
    return 1 if any(row.outcome in (Outcome.THROUGH, Outcome.BROKE) for row in rows) else 0


def _check_host(url: str, permitted: str | None) -> bool:
    """Whether the host is this machine. Raises UsageError where it is another one that was not named."""
    host = ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        valid = parts.scheme in ("http", "https") and bool(host) and parts.port != 0 and url.isascii()
    except ValueError:
        valid = False
    if not valid:
        raise UsageError("write an absolute URL, such as http://127.0.0.1:8000/orders")
    if _is_loopback(host):
        return True
    if permitted != host:
        raise UsageError(f"{host} is not this machine; if you may attack it, say so: {_FLAG} {host}")
    return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _session(options: argparse.Namespace, console: Console, *, local: bool) -> Session:
    from mfa_middleware.cli.probe.known import known_keys
    from mfa_middleware.cli.probe.playing import EventTail, Sender
    from mfa_middleware.cli.probe.session import Session
    from mfa_middleware.cli.probe.target import Target
    from mfa_middleware.client import load_key

    if options.event_log is not None and not Path(options.event_log).is_file():
        raise CommandError(f"{options.event_log}: there is no such file; the app writes it (MFA_EVENT_LOG)")
    target = Target(
        options.url,
        read_token(options.token, console).decode("latin-1"),
        known_keys(options.keys) if options.keys else (),
        load_key(options.machine_key, create=False) if options.machine_key else None,
    )
    events = EventTail(Path(options.event_log)) if options.event_log else None
    return Session(target, Sender(options.url), events, local, options.flood)


PROBE = Command(
    name="probe",
    summary="Play the tricks of the catalogue against your own running app.",
    details="""\
Sends some hundred forged requests, one after the other, and shows which got through, which were blocked, and which
were blocked and named in the event log. The app needs no part of this package. An honest request comes first.
Exit status: 1 where a trick got through that should not have.""",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware probe http://127.0.0.1:8000/orders --token @token.txt
  mfa-middleware probe http://127.0.0.1:8000/orders --token @token.txt --keys issuer.pem --machine-key depot.pem \\
      --event-log events.jsonl
  mfa-middleware probe https://staging.example.com/orders --token env:TOKEN --i-may-attack staging.example.com
""",
)
