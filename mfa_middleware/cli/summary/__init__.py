"""`summary`: what would be refused, and what was, by route, credential and code."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.errors import UsageError
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.cli.summary.advice import ADVICE
from mfa_middleware.cli.summary.groups import Group, Groups, Key
from mfa_middleware.cli.summary.lines import Told, read_events
from mfa_middleware.cli.times import moment, shown

__all__ = ["SUMMARY"]

_KINDS = {"would_refuse": "would be refused", "refused": "refused"}
_HEAD = ("COUNT", "DECISION", "CODE", "ROUTE", "CREDENTIAL", "LAST")


def _configure(parser: Parser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="the event log, or - ; default: MFA_EVENT_LOG")
    parser.add_argument("--since", metavar="TIME", help="only what happened later: 24h (ago), 2026-12-31, ...")
    parser.add_argument("--top", type=int, default=50, metavar="N", help="how many rows to show; default: 50; 0: all")
    parser.add_argument("--exact-paths", action="store_true", help="do not count /orders/1 and /orders/2 together")
    add_json(parser, "print one JSON object a row, for programs")


def _run(options: argparse.Namespace, console: Console) -> int:
    since = moment(options.since, console.clock.wall(), "--since", past=True) if options.since else 0.0
    groups = Groups(exact_paths=options.exact_paths)
    for name in options.files or _default():
        _read(name, groups, since)
    ranked = groups.ranked()
    rows = ranked[: options.top] if options.top > 0 else ranked
    if options.json:
        for key, group in rows:
            console.json({**key._asdict(), "count": group.count, "first": group.first, "last": group.last})
    else:
        _tell(groups, rows, console)
    if groups.broken:
        console.warn(f"{groups.broken} lines are no events and were passed over")
    return 0


def _default() -> list[str]:
    if name := os.environ.get("MFA_EVENT_LOG"):
        return [name]
    raise UsageError("name the event log that the app writes (its setting MFA_EVENT_LOG)")


def _read(name: str, groups: Groups, since: float) -> None:
    with contextlib.nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
        for told in read_events(file):
            if not isinstance(told, Told):
                groups.broken += 1
            elif told.at >= since:
                groups.add(told)


def _tell(groups: Groups, rows: Sequence[tuple[Key, Group]], console: Console) -> None:
    would, did = groups.total("would_refuse"), groups.total("refused")
    console.say(f"{groups.accepted} accepted, {would} would be refused, {did} refused")
    if not rows:
        return
    console.say()
    console.table(_HEAD, [_row(key, group) for key, group in rows])
    if hidden := len(groups.ranked()) - len(rows):
        console.say(f"... and {hidden} rows more (--top 0)")
    advice = {code: ADVICE[code] for code in dict.fromkeys(key.code for key, _ in rows) if code in ADVICE}
    if advice:
        console.say()
        console.facts(advice)


def _row(key: Key, group: Group) -> tuple[str, ...]:
    last = shown(group.last) if group.last else "-"
    return str(group.count), _KINDS[key.kind], key.code, key.route, key.credential or "-", last


SUMMARY = Command(
    name="summary",
    summary="Count what would be refused, for moving from report to enforce.",
    details="""\
Reads the file that MFA_EVENT_LOG names, while the app goes on writing it. A credential is shown by the first
characters of its hash. Segments of paths that look like ids are counted together as {id}.""",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware summary /var/log/myapp/mfa.jsonl --since 24h
  zcat mfa.jsonl.*.gz | mfa-middleware summary -
""",
)
