"""From what was typed to the command that runs it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final, NoReturn, TypeAlias

from mfa_middleware.cli.console import PROGRAM, Console, clean

__all__ = ["Command", "Configure", "Parser", "Run", "build_parser"]

Run: TypeAlias = Callable[[argparse.Namespace, Console], int]
"""Carries a command out, and returns its exit status."""

_INTRODUCTION: Final = """\
The second factor of machines, from the side of the operator: make a key, enrol a machine, pause or revoke it,
sign a request by hand, see whether the configuration holds."""
_EXAMPLES: Final = """\
  mfa-middleware keygen depot.pem
  mfa-middleware machines add depot --key depot.pem --permit key:-
  mfa-middleware machines list
  mfa-middleware check-config

Exit status: 0 done, 1 could not be done, 2 typed wrongly."""


_THUMBPRINT: Final = re.compile(r"-[A-Za-z0-9_-]{42}")
_HIDDEN: Final = "\0"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that says in one line what is wrong, and takes thumbprints that begin with a dash."""

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse what was typed. One thumbprint in 64 begins with a dash, and would be taken for options."""
        hidden = [_HIDDEN + text if _THUMBPRINT.fullmatch(text) else text for text in arguments]
        options = self.parse_args(hidden)
        for name, value in vars(options).items():
            setattr(options, name, _shown(value))
        return options

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: error: {clean(message)} (see: {self.prog} --help)\n")


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return value.removeprefix(_HIDDEN) if isinstance(value, str) else value


class _Version(argparse.Action):
    """Looks the version up only where it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"{PROGRAM} {version('mfa_middleware')}")
        parser.exit()


Configure: TypeAlias = Callable[[Parser], object]


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, one line on it, its arguments, what runs it; or a group of commands."""

    name: str
    summary: str
    configure: Configure
    run: Run | None = None
    details: str = ""
    examples: str = ""
    commands: tuple[Command, ...] = ()


def build_parser(commands: tuple[Command, ...]) -> Parser:
    """The parser of these commands; what it parsed has `run`, a `Run`."""
    parser = Parser(
        prog=PROGRAM,
        description=_INTRODUCTION,
        epilog=f"Examples:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    _add_all(parser, commands)
    return parser


def _add_all(parser: Parser, commands: tuple[Command, ...]) -> None:
    parser.set_defaults(run=lambda _, console: _show_help(parser, console))
    adding = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in commands:
        _add(adding.add_parser(command.name, **_texts(command)), command)


def _add(parser: Parser, command: Command) -> None:
    command.configure(parser)
    if command.commands:
        _add_all(parser, command.commands)
    else:
        parser.set_defaults(run=command.run)


def _texts(command: Command) -> dict[str, Any]:
    examples = f"Examples:\n{command.examples.rstrip()}" if command.examples else None
    return {
        "help": command.summary,
        "description": f"{command.summary}\n\n{command.details}".rstrip(),
        "epilog": examples,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }


def _show_help(parser: Parser, console: Console) -> int:
    parser.print_help(console.err)
    return 2
