"""`doctor`: whether the live set-up keeps its promises, and what to change where it does not."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Final

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.doctor.asked import add_call_options, read_call
from mfa_middleware.cli.doctor.findings import Check, Status
from mfa_middleware.cli.doctor.live import Call
from mfa_middleware.cli.doctor.running import run
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser

__all__ = ["DOCTOR", "Call", "Check", "Status", "run"]

_COLOURS: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red", Status.SKIPPED: "bold"}
_NAME_WIDTH: Final = 15
_STATUS_WIDTH: Final = 7


def _configure(parser: Parser) -> None:
    parser.add_argument("--strict", action="store_true", help="warnings count as failures")
    add_json(parser, "print one JSON object a check, for programs")
    add_call_options(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    call = read_call(options)
    counts: Counter[Status] = Counter()
    for check in run(call=call, clock=console.clock):
        counts[check.status] += 1
        if options.json:
            console.json(check.to_json())
        else:
            _tell(check, console)
        console.out.flush()
    if not options.json:
        console.say("\n" + ", ".join(f"{counts[status]} {status}" for status in Status if counts[status]))
    return 1 if counts[Status.FAIL] or (options.strict and counts[Status.WARN]) else 0


def _tell(check: Check, console: Console) -> None:
    status = console.paint(f"{check.status:<{_STATUS_WIDTH}}", _COLOURS[check.status])
    console.say(f"{status}  {check.id:<{_NAME_WIDTH}}  {check.found}")
    if check.advice:
        console.say(f"{'':<{_STATUS_WIDTH}}  {'':<{_NAME_WIDTH}}  -> {check.advice}")


DOCTOR = Command(
    name="doctor",
    summary="Check the live set-up: store, clock, files, and whether all workers share; say what to change.",
    details="""\
Run it as the user of the app and with its environment. It makes claims under an app name of its own, and never
writes to the data of the app. Exit status 1 where something failed.

With --url it calls the running app: once without a proof, which must be refused; then with one proof on many
connections at the same moment, of which one must be accepted; then with the same proof again. So THE REQUEST REALLY
REACHES THE APP ONCE (twice, where workers disagree on a nonce): name a URL that may be read, such as a list.
The copies that are refused show in the events of the app as replayed or retried.""",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware doctor
  env $(cat /etc/myapp/environment) mfa-middleware doctor --json | jq 'select(.status == "fail")'
  mfa-middleware doctor --url https://api.example.com/orders --key depot.pem --header 'X-API-Key: @api-key.txt'
  mfa-middleware doctor --url https://api.example.com/orders --key depot.pem --header 'X-API-Key: @api-key.txt' \\
    --at 10.0.0.1:8000 --at 10.0.0.2:8000
""",
)
