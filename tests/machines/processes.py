"""Runs Python source in processes of their own, with the names of the package imported."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterable

PRELUDE = """
import os, sys, time
from mfa_middleware.machines import FileRegistry, add, edit, load, set_state
from tests_keys import entry_of, new_jwk
"""


def start(source: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a process; it inherits nothing but its arguments."""
    keys = f"import importlib.util as u; s = u.spec_from_file_location('tests_keys', {_KEYS!r})\n"
    load = "import sys; m = u.module_from_spec(s); s.loader.exec_module(m); sys.modules['tests_keys'] = m\n"
    program = keys + load + PRELUDE + textwrap.dedent(source)
    return subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True)


def finish(processes: Iterable[subprocess.Popen[str]]) -> list[str]:
    """What each process printed; fails where one did."""
    printed = []
    for process in processes:
        printed.append(process.communicate(timeout=30)[0])
        assert process.returncode == 0
    return printed


_KEYS = __file__.replace("processes.py", "keys.py")
