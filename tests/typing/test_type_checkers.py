"""mypy --strict and pyright find nothing in projects that use the package, and pyright nothing in the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def checked(*command: str) -> str:
    """What a type checker says; nothing where it finds nothing."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_mypy_sees_the_types_of_fastapi_the_client_and_the_helpers(tmp_path: Path) -> None:
    sample = str(HERE / "fastapi_client_sample.py")
    assert checked("mypy", "--strict", "--cache-dir", str(tmp_path), sample) == ""


def test_pyright_finds_nothing_in_the_package_and_in_projects_that_use_it() -> None:
    samples = [str(path) for path in HERE.glob("*_sample.py")]
    assert checked("pyright", "--pythonpath", sys.executable, "--warnings", "mfa_middleware", *samples) == ""
