"""Runs mutmut over the functions of a copy of the tree, as `python -m scripts.mutation.functions JOBS` in that copy.

mutmut puts all mutants of a function beside it and forks one process for each, so none of them pays for imports.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from mutmut.__main__ import cli
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.runners.harness import PytestRunner
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

from scripts.mutation.mutant import End, Mutant
from scripts.mutation.operators import use_our_operators

RESULTS: Final = Path("functions.json")
_NAME: Final = re.compile(r".*\.x(?:ǁ(\w+)ǁ|_)(\w+)__mutmut_\d+")
_ENDS: Final = {"killed": End.KILLED, "segfault": End.KILLED, "suspicious": End.KILLED, "timeout": End.OUT_OF_TIME}


def _quick_tests_first(runner: PytestRunner, tests: Iterable[str]) -> list[str]:
    chosen = sorted(tests, key=lambda test: (state().duration_by_test.get(test, 0.0), test))
    return ["-x", "-q", *(chosen or runner._pytest_add_cli_args_test_selection)]  # noqa: SLF001


def _app_of_its_own(parent: int) -> None:
    if os.getppid() == parent:
        os.environ["MFA_APP"] = f"mutants-{parent}-{os.getpid()}"


def _mutants() -> Iterator[Mutant]:
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            yield _mutant(name, path, _ENDS.get(status_by_exit_code[code], End.SURVIVED))


def _mutant(name: str, path: Path, end: End) -> Mutant:
    match = _NAME.fullmatch(name)
    function = ".".join(part for part in match.groups() if part) if match else name
    lines = get_diff_for_mutant(name, path=path).splitlines()[2:]
    before, after = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    return Mutant(path.relative_to("mfa_middleware").as_posix(), function, before, after, end)


def main() -> None:
    use_our_operators()
    PytestRunner._pytest_args_regular_run = _quick_tests_first  # noqa: SLF001
    parent = os.getpid()
    os.register_at_fork(after_in_child=lambda: _app_of_its_own(parent))
    cli(["run", "--max-children", sys.argv[1]], standalone_mode=False)
    RESULTS.write_text(json.dumps([asdict(mutant) for mutant in _mutants()]), encoding="utf-8")


if __name__ == "__main__":
    main()
