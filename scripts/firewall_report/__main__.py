"""Play every trick of the catalogue against the examples under real servers, and thousands of honest tokens.

The last line counts; the exit status is 0 only if every row that can be seen was named, every row that is to be
blocked was, and nothing honest was called an attack or turned away.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mfa_middleware.firewall import CATALOG, Action
from scripts.demo_story.ending import ending
from scripts.firewall_report.honest import accusations
from scripts.firewall_report.numbers import Numbers
from tests.firewall.attacker.campaign import FILTERED, Campaign, wage
from tests.firewall.attacker.estate import APPS, Estate, running, warm


def main(given: Sequence[str] | None = None) -> int:
    """Exit status 0 only if the numbers are good."""
    arguments = _arguments(given)
    logging.getLogger("mfa_middleware").setLevel(logging.CRITICAL)
    with ending() as end:
        campaign = _attacked(end.folder / "attacks", arguments.app or list(APPS))
        accused = accusations(_made(end.folder / "honest"), quick=arguments.quick)
    _tell(campaign, accused)
    numbers = Numbers.of(campaign.rows, len(accused) + len(campaign.refused_honest))
    print(numbers)
    return 0 if numbers.are_good else 1


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/firewall-report", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer honest tokens, and a sample of them over HTTP")
    parser.add_argument("--app", action="append", choices=[*APPS], help="only this example (may be repeated)")
    return parser.parse_args(given)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _attacked(folder: Path, names: Sequence[str]) -> Campaign:
    estate = Estate(_made(folder))
    print(f"starting {', '.join(names)}; their stores take half a minute to warm", flush=True)
    with contextlib.ExitStack() as stack:
        apps = [stack.enter_context(running(estate, name)) for name in names]
        warm(apps)
        campaign = wage(apps)
    played = sum(len(row.played) for row in campaign.rows.values())
    print(f"{played} attacks of {len(campaign.rows)} rows against {len(apps)} apps", flush=True)
    return campaign


def _tell(campaign: Campaign, accused: Sequence[str]) -> None:
    for app, rows in FILTERED.items():
        for trick, reason in rows.items():
            print(f"not counted: {trick} on {app}: {reason}")
    for row in CATALOG.values():
        if row.action is Action.UNSEEABLE:
            print(f"unseeable: {row.id}: {row.reason}")
    for fault in [*campaign.faults, *accused]:
        print(f"FAULT {fault}")


if __name__ == "__main__":
    sys.exit(main())
