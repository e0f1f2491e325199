"""The wheel of this checkout, built once for the tests that look at it or install it."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def built() -> Path:
    """The wheel, built from the source distribution, which lies beside it."""
    folder = tempfile.mkdtemp(prefix="mfa-wheel-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = Path(folder).glob("*.whl")
    return wheel
