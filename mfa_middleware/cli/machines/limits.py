"""The options that say what a machine may do, where and when: the same for enrolling and for changing."""

from __future__ import annotations

import argparse
from typing import Any

from mfa_middleware.cli import permits
from mfa_middleware.cli.options import nonempty
from mfa_middleware.cli.parser import Parser
from mfa_middleware.cli.times import HELP, moment
from mfa_middleware.machines.times import format_time

__all__ = ["add_limits", "limits_of"]


def add_limits(parser: Parser) -> None:
    """The options of `limits_of`, and `--permit`."""
    parser.add_argument("--permit", action="append", default=[], metavar="WHAT", help=f"{permits.HELP}; repeat")
    parser.add_argument("--scope", action="append", metavar="SCOPE", help="what it may do: orders:write; repeat")
    parser.add_argument("--network", action="append", metavar="CIDR", help="where it must call from; repeat")
    parser.add_argument("--schedule", metavar="TEXT", help='when it may act: "mon-fri 08:00-18:00 Europe/Berlin"')
    parser.add_argument("--valid-from", metavar="TIME", help=f"{HELP}, or 12h (from now)")
    parser.add_argument("--valid-until", metavar="TIME", help=f"{HELP}, or 90d (from now)")
    parser.add_argument("--owner", metavar="TEXT", help="who answers for it")


def limits_of(options: argparse.Namespace, now: float) -> dict[str, Any]:
    """The members of the registry entry that were given; None or empty where the option was given empty."""
    members = {
        "scopes": options.scope and nonempty(options.scope),
        "networks": options.network and nonempty(options.network),
        "schedule": options.schedule,
        "valid_from": _time(options.valid_from, now, "--valid-from"),
        "valid_until": _time(options.valid_until, now, "--valid-until"),
        "owner": options.owner,
    }
    return {name: value or None for name, value in members.items() if value is not None}


def _time(text: str | None, now: float, option: str) -> str | None:
    return format_time(int(moment(text, now, option))) if text else text
