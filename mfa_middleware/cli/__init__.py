"""The `mfa-middleware` command: keys, the registry of machines, proofs for curl, and a look at the configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from mfa_middleware.cli.commands import COMMANDS
from mfa_middleware.cli.console import Console, standard_console
from mfa_middleware.cli.errors import CommandError
from mfa_middleware.cli.parser import build_parser
from mfa_middleware.errors import ConfigurationError

__all__ = ["main"]

_INTERRUPTED = 130
"""What a shell reports for a command that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; `arguments` without the name of the program, by default those of the process.

    Returns the exit status: 0 done, 1 could not be done, 2 typed wrongly, 130 interrupted. Raises SystemExit where
    argparse ends the program itself, as after --help.
    """
    console = standard_console()
    try:
        return _run(arguments, console)
    except BrokenPipeError:
        # The reader has gone; without this the interpreter would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(arguments: Sequence[str] | None, console: Console) -> int:
    options = build_parser(COMMANDS).parse(sys.argv[1:] if arguments is None else arguments)
    try:
        status: int = options.run(options, console)
        console.out.flush()
    except BrokenPipeError:
        raise
    except CommandError as error:
        return console.fail(str(error), error.status)
    except ConfigurationError as error:
        return console.fail(str(error))
    except OSError as error:
        return console.fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return status
