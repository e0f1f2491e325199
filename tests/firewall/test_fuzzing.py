"""scripts/fuzz-inspector: its seeds are read without an error, and it counts what it ran."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.fuzzing.inspectors import MAX_LENGTH, inspect, made
from scripts.fuzzing.seeds import write_seeds
from tests.wheel import ROOT


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("seeds")
    write_seeds(folder)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_no_seed_raises(seeds: list[bytes]) -> None:
    inspectors = made()
    for seed in seeds:
        for setting in range(len(inspectors)):
            inspect(inspectors, bytes([setting]) + seed[1:])


def test_seeds_have_every_length_and_many_tricks(seeds: list[bytes]) -> None:
    assert len(seeds) > 200
    assert max(map(len, seeds)) >= MAX_LENGTH
    findings = {one.id for seed in seeds for one in made()[2].inspect(seed[1:], "authorization", 1.8e9).findings}
    assert len(findings) > 70


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris (group fuzz) is not installed")
def test_counts_its_runs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.fuzzing", "--seconds", "3"],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    numbers = re.fullmatch(r"runs=[1-9]\d+ exceptions=0 slow=(\d+)", done.stdout.splitlines()[-1])
    assert numbers, done.stdout + done.stderr
    assert (done.returncode, list(tmp_path.iterdir())) == (int(numbers[1] != "0"), [])
