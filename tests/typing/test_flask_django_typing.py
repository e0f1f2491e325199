from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).with_name("flask_django_sample.py")


def test_marked_views_keep_their_types_and_wrong_words_are_found(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(SAMPLE)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=SAMPLE.parents[2], timeout=300, check=False)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
