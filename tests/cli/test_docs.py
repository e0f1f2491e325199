"""Every example of docs/command.md, run in its order: what it prints is what the page shows."""

from __future__ import annotations

import logging
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mfa_middleware.cli.commands import COMMANDS
from mfa_middleware.events import Event, JsonLines
from tests.cli.conftest import Cli, Result

_PAGE = Path(__file__).parents[2] / "docs" / "command.md"
_SHELL = re.compile(r"[|>]|\$\(|^\w+=")
_STATUS = re.compile(r"\[exit status (\d)\]\n?")


def _examples() -> list[tuple[str, str]]:
    """Command and output of each example."""
    blocks = re.findall(r"^```console\n(.*?)^```$", _PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [match for block in blocks for match in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)]


def _run(cli: Cli, command: str) -> Result:
    words = shlex.split(command)
    if _SHELL.search(command):
        done = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, check=False, timeout=20)
        return Result(done.returncode, done.stdout, done.stderr)
    given = Path(words[words.index("<") + 1]).read_bytes() if "<" in words else b""
    return cli(*words[1 : words.index("<") if "<" in words else None], given=given)


def _pattern(output: str) -> str:
    """`...` stands for anything, and the width of columns is left open."""
    return re.sub(r"(?:\\ )+", " +", re.escape(output.strip())).replace(r"\.\.\.", ".*")


@pytest.fixture
def prepared(cli: Cli) -> Cli:
    """With a log of events, the command where the shell finds it, and a curl that talks to nobody."""
    cli.set(PATH=f"{cli.folder}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    cli.write("curl", "#!/bin/sh\ncat\n").chmod(0o755)
    write = JsonLines("events.jsonl")
    codes = ((None, "/"), (None, "/"), ("missing_proof", "/orders/1"), ("missing_proof", "/orders/2"),
             ("unknown_machine", "/search"))  # fmt: skip
    for code, path in codes:
        kind = "would_refuse" if code else "accepted"
        members = {"code": code, "method": "GET", "path": path, "credential": "3q2-7wabcdef", "at": time.time() - 60}
        write(Event(kind, logging.WARNING, **members))  # type: ignore[arg-type]
    return cli


def test_every_example_prints_what_the_page_shows(prepared: Cli) -> None:
    examples = _examples()
    assert len(examples) > 20
    for command, output in examples:
        told = _run(prepared, command)
        status = _STATUS.search(output)
        assert told.status == int(status[1] if status else 0), f"{command}\n{told.err}"
        shown = _STATUS.sub("", output)
        if shown.strip():
            printed = (told.out + told.err).strip()
            assert re.fullmatch(_pattern(shown), printed, re.DOTALL), f"{command}\n{printed}"


def test_every_command_is_on_the_page() -> None:
    page = _PAGE.read_text()
    for command in COMMANDS:
        assert f"\n## {command.name}\n" in page
        assert all(re.search(rf"### machines .*\b{inner.name}\b", page) for inner in command.commands)
