"""`catalog`: the tricks that the firewall knows, as a table, as JSON, or one of them in full."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
from collections.abc import Iterable
from typing import Final

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.errors import UsageError
from mfa_middleware.cli.options import add_json
from mfa_middleware.cli.parser import Command, Parser
from mfa_middleware.firewall import CATALOG, Trick

__all__ = ["CATALOG_COMMAND", "references", "trick_named"]

_HEAD: Final = ("ID", "FAMILY", "DONE", "EVIDENCE", "WHAT IT IS")
_COLOURS: Final = {"block": "red", "report": "yellow"}


def _configure(parser: Parser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="tricks to tell everything about; default: a table of all")
    parser.add_argument("--family", metavar="FAMILY", help="only those of a family, such as algorithm or kid")
    add_json(parser, "print one JSON object a trick, for programs")


def _run(options: argparse.Namespace, console: Console) -> int:
    chosen = [trick_named(name) for name in options.ids] or _of_family(options.family)
    if options.json:
        for trick in chosen:
            console.json(dataclasses.asdict(trick))
    elif options.ids:
        _tell(chosen, console)
    else:
        rows = [(trick.id, trick.family, trick.action, trick.evidence or "-", trick.title) for trick in chosen]
        console.table(_HEAD, rows, _COLOURS)
        console.say(f"\n{len(rows)} tricks; mfa-middleware catalog ID tells everything about one")
    return 0


def trick_named(name: str) -> Trick:
    """The row of an id. Raises UsageError."""
    if name in CATALOG:
        return CATALOG[name]
    near = difflib.get_close_matches(name, CATALOG, n=1)
    hint = f"did you mean {near[0]}?" if near else "mfa-middleware catalog lists them"
    raise UsageError(f"there is no trick {name[:60]!r}; {hint}")


def references(trick: Trick) -> str:
    """Where to read about a trick."""
    bcp = [f"RFC 8725 {trick.bcp}"] if trick.bcp else []
    return ", ".join([*bcp, *trick.cwe, *trick.attack, *trick.cves])


def _of_family(family: str | None) -> list[Trick]:
    families = dict.fromkeys(trick.family for trick in CATALOG.values())
    if family is not None and family not in families:
        raise UsageError(f"--family: write one of {', '.join(families)}")
    return [trick for trick in CATALOG.values() if family in (None, trick.family)]


def _tell(tricks: Iterable[Trick], console: Console) -> None:
    for number, trick in enumerate(tricks):
        if number:
            console.say()
        console.say(console.paint(f"{trick.id}: {trick.title}", "bold"))
        facts = {
            "what": trick.what,
            "how": trick.how,
            "done": f"{trick.action}, evidence up to {trick.evidence}" if trick.evidence else str(trick.action),
            "needs": trick.needs,
            "reason": trick.reason,
            "to do": trick.advice,
            "family": trick.family,
            "references": references(trick),
        }
        console.facts({name: text for name, text in facts.items() if text})


CATALOG_COMMAND = Command(
    name="catalog",
    summary="List the tricks with tokens and requests that the firewall knows.",
    details="""\
block: a request with it is refused. report: the operator reads of it, and honest clients do it too. unseeable: no
check inside the process can see it, with the reason. Evidence is the strongest that is ever given.""",
    configure=_configure,
    run=_run,
    examples="""\
  mfa-middleware catalog --family kid
  mfa-middleware catalog key_confusion
  mfa-middleware catalog --json
""",
)
