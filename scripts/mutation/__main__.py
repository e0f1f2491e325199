"""Plant faults in the code, one at a time, and count those that a test notices."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.mutation.mutant import Mutant
from scripts.mutation.plan import groups
from scripts.mutation.trial import Failed, mutants
from scripts.mutation.verdict import Verdict, equivalents, verdicts

_BAR: Final = 95.0
_COLUMNS: Final = ("mutants", "killed", "out of time", "survived", "equivalent", "noticed")


def main() -> None:
    arguments = _arguments()
    wanted: Sequence[str] = arguments.module
    chosen = [*groups(wanted)]
    if not chosen:
        sys.exit(f"no module is called {' '.join(wanted)}; scripts/mutation/modules.toml lists them")
    _row("module", *_COLUMNS)
    poor, rows = [], equivalents()
    for group in chosen:
        with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
            try:
                found = [
                    *mutants(group, Path(folder), arguments.jobs, lambda one: any(row.covers(one) for row in rows))
                ]
            except Failed as failure:
                sys.exit(f"{group.name} could not be measured:\n{failure}")
        for verdict in verdicts(found, rows):
            _show(verdict, survivors=arguments.list_survivors)
            if verdict.percent < _BAR:
                poor.append(verdict.module)
    if poor:
        sys.exit(f"fewer than {_BAR:.0f} % of the faults are noticed in: {', '.join(poor)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__)
    parser.add_argument(
        "module", nargs="*", help="proofs, guard, replay, or a path such as replay/table.py (default: all)"
    )
    parser.add_argument("--list-survivors", action="store_true", help="show the faults that no test notices")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes at once (default: 2)")
    return parser.parse_args()


def _show(verdict: Verdict, *, survivors: bool) -> None:
    counts = verdict.killed, len(verdict.out_of_time), len(verdict.survivors), len(verdict.accepted)
    _row(verdict.module, sum(counts), *counts, f"{verdict.percent:.1f} %")
    if survivors:
        for mutant in (*verdict.out_of_time, *verdict.survivors):
            _tell(mutant, mutant.end)
        for mutant, reason in verdict.accepted:
            _tell(mutant, reason)


def _row(module: str, *cells: object) -> None:
    print(f"{module:28}", *(f"{cell!s:>11}" for cell in cells), flush=True)


def _tell(mutant: Mutant, word: str) -> None:
    print(f"  {mutant.function or 'module'}: {word}\n    - {mutant.before}\n    + {mutant.after}", flush=True)


if __name__ == "__main__":
    main()
