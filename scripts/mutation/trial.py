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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from scripts.mutation.mutant import End, Mutant
from scripts.mutation.plan import Group, copy_tree

__all__ = ["Failed", "mutants"]

_PYTEST: Final = ("-p", "no:cacheprovider", "-p", "scripts.mutation.profile", "--hypothesis-profile=mutants")
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
_ENDS: Final = {0: End.SURVIVED, None: End.OUT_OF_TIME}


class Failed(Exception):  # noqa: N818 - named for what it tells
    """The tests do not pass as they are, or could not be run; the message holds their last lines."""


def mutants(group: Group, folder: Path, jobs: int, is_accepted: Callable[[Mutant], bool]) -> Iterator[Mutant]:
    """Every mutant of the group. A survivor is tried again with all tests, unless it is accepted. Raises Failed."""
    doubtful: dict[str, list[Mutant]] = {module: [] for module in group.modules}
    for mutant in _of_functions(group, copy_tree(folder / "functions"), jobs):
        if mutant.end is End.SURVIVED and not is_accepted(mutant):
            doubtful[mutant.module].append(mutant)
        else:
            yield mutant
    yield from _of_the_rest(group, [copy_tree(folder / f"rest{number}") for number in range(jobs)], doubtful)


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
    rows = json.loads((tree / "functions.json").read_text(encoding="utf-8"))
    yield from (Mutant(**{**row, "end": End(row["end"])}) for row in rows)


def _of_the_rest(group: Group, trees: Sequence[Path], doubtful: Mapping[str, list[Mutant]]) -> Iterator[Mutant]:
    started = time.monotonic()
    if _code(trees[0], group, timeout=600) != 0:
        raise Failed(f"the tests of {group.name} do not pass as they are")
    timeout = 5 * (time.monotonic() - started) + 10
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)
    with ThreadPoolExecutor(len(trees)) as pool:
        for module in group.modules:
            found = pool.map(partial(_try, group, free, timeout, module), _rows(trees[0], module, doubtful[module]))
            yield from (mutant for mutant in found if mutant)


def _rows(tree: Path, module: str, doubtful: Iterable[Mutant]) -> list[dict[str, str]]:
    wanted = json.dumps([(mutant.function, mutant.before, mutant.after) for mutant in doubtful])
    rows: list[dict[str, str]] = json.loads(
        _output(tree, tree, "-m", "scripts.mutation.rest", f"mfa_middleware/{module}", given=wanted)
    )
    return rows


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
    if code in _STILLBORN:
        return None
    return Mutant(module, row["function"], row["before"], row["after"], _ENDS.get(code, End.KILLED))


def _code(tree: Path, group: Group, timeout: float) -> int | None:
    process = _start(tree, tree, "-m", "pytest", "-x", "-q", *_PYTEST, *group.tests, stdout=subprocess.DEVNULL)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)


def _output(tree: Path, modules: Path, *arguments: str, given: str = "") -> str:
    log, source = tree / "output.txt", tree / "input.txt"
    source.write_text(given, encoding="utf-8")
    with log.open("w+", encoding="utf-8") as file, source.open(encoding="utf-8") as read:
        process = _start(tree, modules, *arguments, stdout=file, stdin=read)
        try:
            code = process.wait()
        finally:
            _end(process)
    said = log.read_text(encoding="utf-8")
    if code != 0:
        raise Failed("\n".join(said.replace("\r", "\n").splitlines()[-40:]))
    return said


def _start(
    tree: Path, modules: Path, *arguments: str, stdout: Any, stdin: Any = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    scratch = tree / "tmp"
    scratch.mkdir(exist_ok=True)
    environ = {"PYTHONPATH": str(modules), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(scratch)}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=tree,
        env={**os.environ, **environ},
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started, which the group it leads tells."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
