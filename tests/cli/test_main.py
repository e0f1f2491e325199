"""What holds for every command."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version

import pytest

from mfa_middleware.cli.commands import COMMANDS
from mfa_middleware.cli.parser import Command
from tests.cli.conftest import Cli

_PYTHON_M = (sys.executable, "-m", "mfa_middleware")


def _leaves(commands: tuple[Command, ...] = COMMANDS, *above: str) -> Iterator[tuple[tuple[str, ...], Command]]:
    for command in commands:
        names = (*above, command.name)
        yield names, command
        yield from _leaves(command.commands, *names)


def test_version_is_that_of_the_package(cli: Cli) -> None:
    assert cli.ok("--version").out == f"mfa-middleware {version('mfa_middleware')}\n"


@pytest.mark.parametrize("names", [names for names, _ in _leaves()])
def test_every_command_explains_itself_with_examples(cli: Cli, names: tuple[str, ...]) -> None:
    told = cli.ok(*names, "--help")
    assert "Examples:\n  mfa-middleware " in told.out or "Examples:\n  PROOF=" in told.out
    assert max(map(len, told.out.splitlines())) <= 120


def test_help_lists_every_command(cli: Cli) -> None:
    told = cli.ok("--help").out
    assert all(command.name in told for command in COMMANDS)


@pytest.mark.parametrize("arguments", [(), ("machines",)])
def test_without_a_command_the_help_is_shown(cli: Cli, arguments: tuple[str, ...]) -> None:
    told = cli(*arguments)
    assert (told.status, told.out) == (2, "")
    assert "Examples:" in told.err


@pytest.mark.parametrize(
    "arguments", [("mahcines",), ("machines", "lits"), ("keygen", "--ovewrite"), ("keygen", "a", "b"), ("sign", "GET")]
)
def test_what_is_typed_wrongly_is_told_on_one_line(cli: Cli, arguments: tuple[str, ...]) -> None:
    told = cli(*arguments)
    assert (told.status, told.out) == (2, "")
    assert re.fullmatch(r"mfa-middleware: error: .+ \(see: mfa-middleware.* --help\)\n", told.err)


def test_options_are_not_abbreviated(cli: Cli) -> None:
    assert cli("keygen", "--al", "ES256").status == 2


def test_wrong_settings_of_others_do_no_harm(enrolled: Cli) -> None:
    enrolled.set(MFA_MODE="enfroce", MFA_SECRET="short")
    enrolled.ok("machines", "list")


def test_wrong_setting_that_counts_is_told_on_one_line(cli: Cli) -> None:
    cli.set(MFA_MACHINES=" ")
    told = cli("machines", "list")
    assert told.status == 1
    assert re.fullmatch(r"mfa-middleware: error: MFA_MACHINES: .+\n", told.err)


def test_reader_that_goes_away_is_no_error(enrolled: Cli) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*_PYTHON_M, "machines", "list"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_output_that_cannot_be_written_is_told(enrolled: Cli) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*_PYTHON_M, "hash", "@depot.jwk"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_interrupt_is_quiet(cli: Cli) -> None:
    running = subprocess.Popen([*_PYTHON_M, "summary", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdin is not None
    running.stdin.write(b"{}\n" * 100_000)  # once it takes all that, it is reading
    running.stdin.flush()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=10)
    assert (running.returncode, err) == (130, b"")


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_is_for_terminals_that_want_it(enrolled: Cli, variables: dict[str, str], coloured: bool) -> None:
    main, side = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", **variables}
    environ.pop("NO_COLOR", None) if not variables.get("NO_COLOR") else None
    subprocess.run([*_PYTHON_M, "machines", "list"], stdout=side, env=environ, check=True)
    os.close(side)
    told = os.read(main, 65_536)
    os.close(main)
    assert (b"\x1b[32mactive" in told) is coloured


def test_no_colour_in_a_pipe(enrolled: Cli) -> None:
    assert "\x1b" not in enrolled.ok("machines", "list").out


def test_names_that_the_encoding_lacks_are_escaped(enrolled: Cli) -> None:
    enrolled.ok("machines", "change", "depot-1", "--name", "Büro")
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*_PYTHON_M, "machines", "list"], env=environ, check=True, capture_output=True)
    assert b"B\\xfcro" in done.stdout
