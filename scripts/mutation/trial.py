"""Runs the tests of a group against its mutants, in copies of the tree, and ends whatever a mutant leaves running."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from scripts.mutation.mutant import Mutant, changed_lines
from scripts.mutation.plan import Group, copy_tree

__all__ = ["Failed", "mutants"]

_PYTEST: Final = ("-p", "no:cacheprovider", "--hypothesis-profile=ci")
_CONFIGURATION: Final = """[mutmut]
source_paths=mfa_middleware/
only_mutate={modules}
pytest_add_cli_args_test_selection={tests}
pytest_add_cli_args={arguments}
also_copy={copied}
timeout_multiplier=5
timeout_constant=2
track_dependencies=false
use_git_change_detection=false
"""
_STILLBORN: Final = frozenset({2, 4})
"""What pytest ends with where the tests cannot even be collected: no test is needed against such a mutant."""


class Failed(Exception):  # noqa: N818 - named for what it tells
    """The tests do not pass as they are, or could not be run; the message holds their last lines."""


def mutants(group: Group, folder: Path, jobs: int) -> Iterator[Mutant]:
    """Every mutant of the group. Raises Failed."""
    yield from _of_functions(group, copy_tree(folder / "functions"), jobs)
    yield from _of_the_rest(group, [copy_tree(folder / f"rest{number}") for number in range(jobs)])


def _of_functions(group: Group, tree: Path, jobs: int) -> Iterator[Mutant]:
    lines = {
        "modules": [f"mfa_middleware/{module}" for module in group.modules],
        "tests": group.tests,
        "arguments": _PYTEST,
        "copied": ("mfa_middleware", "scripts", "examples", "docs", "README.md", "CHANGELOG.md"),
    }
    values = {name: "".join(f"\n    {line}" for line in value) for name, value in lines.items()}
    (tree / "setup.cfg").write_text(_CONFIGURATION.format(**values), encoding="utf-8")
    (tree / "mutants").mkdir()  # an import path that is missing at the start stays missing
    _output(tree, tree / "mutants", "-m", "scripts.mutation.functions", str(jobs))
    yield from (Mutant(**row) for row in json.loads((tree / "functions.json").read_text(encoding="utf-8")))


def _of_the_rest(group: Group, trees: Sequence[Path]) -> Iterator[Mutant]:
    started = time.monotonic()
    if _code(trees[0], group, timeout=600) != 0:
        raise Failed(f"the tests of {group.name} do not pass as they are")
    timeout = 5 * (time.monotonic() - started) + 10
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)
    with ThreadPoolExecutor(len(trees)) as pool:
        for module in group.modules:
            rows = json.loads(_output(trees[0], trees[0], "-m", "scripts.mutation.rest", f"mfa_middleware/{module}"))
            found = pool.map(partial(_try, group, free, timeout, module), rows)
            yield from (mutant for mutant in found if mutant)


def _try(
    group: Group, free: queue.SimpleQueue[Path], timeout: float, module: str, row: dict[str, str]
) -> Mutant | None:
    tree = free.get()
    file = tree / "mfa_middleware" / module
    honest = file.read_text(encoding="utf-8")
    try:
        file.write_text(row["code"], encoding="utf-8")
        code = _code(tree, group, timeout)
    finally:
        file.write_text(honest, encoding="utf-8")
        free.put(tree)
    before, after = changed_lines(honest, row["code"])
    return None if code in _STILLBORN else Mutant(module, row["function"], before, after, code != 0)


def _code(tree: Path, group: Group, timeout: float) -> int:
    process = _start(tree, tree, "-m", "pytest", "-x", "-q", *_PYTEST, *group.tests, stdout=subprocess.DEVNULL)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL
    finally:
        _end(process)


def _output(tree: Path, modules: Path, *arguments: str) -> str:
    log = tree / "output.txt"
    with log.open("w+", encoding="utf-8") as file:
        process = _start(tree, modules, *arguments, stdout=file)
        try:
            code = process.wait()
        finally:
            _end(process)
    said = log.read_text(encoding="utf-8")
    if code != 0:
        raise Failed("\n".join(said.replace("\r", "\n").splitlines()[-40:]))
    return said


def _start(tree: Path, modules: Path, *arguments: str, stdout: Any) -> subprocess.Popen[bytes]:
    scratch = tree / "tmp"
    scratch.mkdir(exist_ok=True)
    environ = {"PYTHONPATH": str(modules), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(scratch)}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=tree,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started, which the group it leads tells."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
