"""`check-config`: the settings that hold, where they come from, and what is wrong with them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from itertools import chain
from typing import Final

from mfa_middleware.cli.check_config.effective import Effective, read_environment
from mfa_middleware.cli.check_config.problems import Level, Problem
from mfa_middleware.cli.check_config.registry import check_registry
from mfa_middleware.cli.check_config.resources import check_event_log, check_first_use, check_store
from mfa_middleware.cli.check_config.risks import risks_of
from mfa_middleware.cli.console import Console, clean
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.replay import sustained_rate
from mfa_middleware.settings import Settings

__all__ = ["CHECK_CONFIG"]

_COLOURS: Final = {Level.ERROR: "red", Level.WARNING: "yellow"}


def _configure(parser: Parser) -> None:
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")
    add_json(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    effective = read_environment(os.environ)
    problems = sorted([*effective.problems, *_found(effective.settings, console.clock.wall())], key=_errors_first)
    failed = any(options.strict or problem.level is Level.ERROR for problem in problems)
    if options.json:
        console.json(_as_json(effective, problems, ok=not failed))
    else:
        _tell(effective, problems, console)
    return 1 if failed else 0


def _found(settings: Settings, now: float) -> chain[Problem]:
    return chain(
        risks_of(settings),
        check_registry(settings, now),
        check_first_use(settings),
        check_store(settings) if settings.mode.name != "off" else (),
        check_event_log(settings),
    )


def _errors_first(problem: Problem) -> bool:
    return problem.level is not Level.ERROR


def _as_json(effective: Effective, problems: Sequence[Problem], *, ok: bool) -> dict[str, object]:
    return {
        "ok": ok,
        "settings": {shown.variable: {"value": shown.value, "source": shown.source} for shown in effective.shown},
        "requests_per_second": round(sustained_rate(effective.settings.quota), 2),
        "problems": [problem.to_json() for problem in problems],
    }


def _tell(effective: Effective, problems: Sequence[Problem], console: Console) -> None:
    rows = [(shown.variable, shown.text or "-", shown.source) for shown in effective.shown]
    console.table(("SETTING", "VALUE", "SOURCE"), rows)
    rate, quota = sustained_rate(effective.settings.quota), effective.settings.quota
    console.say(f"\nOne machine may make {rate:,.0f} requests/s for ever ({quota:,} live proofs).")
    console.say("Settings that the app gives in its code are not seen here.\n")
    for problem in problems:
        level = console.paint(problem.level, _COLOURS[problem.level])
        console.say(f"{level}: {problem.variable}: {clean(problem.text)}")
    if not problems:
        console.say(console.paint("nothing is wrong", "green"))


CHECK_CONFIG = Command(
    name="check-config",
    summary="Show the settings that hold here, and what is wrong or risky about them.",
    details="""\
Run it as the user of the app and with its environment. Looks at the MFA_ variables, the registry of machines, the
replay store and the event log. Exit status 1 where something keeps the app from starting or from accepting any.""",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware check-config
  env $(cat /etc/myapp/environment) mfa-middleware check-config --strict
  mfa-middleware check-config --json | jq -r '.problems[].text'
""",
)
