"""scripts/torture: it plays what it is asked for, tells it in rows or JSON, and fails where a proof counted twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.ordeals.claims import opener
from scripts.ordeals.crowds import Crowd, race
from scripts.ordeals.luck import opener as luck
from scripts.ordeals.races import raced
from scripts.ordeals.scene import Result, Scene, Stage
from scripts.ordeals.table import SCENES
from tests.wheel import ROOT

CROWD = Crowd(processes=2, contenders=4, proofs=40, owners=2)
PLAYED = """
import sys
from scripts.ordeals.__main__ import main
from tests.test_torture import PLAYS
sys.exit(main(sys.argv[1:], PLAYS))
"""


def _find_then_add(stage: Stage) -> Result:
    return raced(CROWD, race(luck(stage.folder), CROWD))


def _honest(stage: Stage) -> Result:
    return raced(CROWD, race(opener("shared:", stage.app, 1_000, 500), CROWD), quota=500)


def _broken(_: Stage) -> Result:
    raise OSError("no such server")


PLAYS = (
    Scene("luck", "finds, then adds", _find_then_add),
    Scene("honest", "claims in one step", _honest),
    Scene("broken", "cannot be played", _broken),
    Scene("long", "takes too long for --quick", _broken, quick=False),
)


def torture(folder: Path, *arguments: str, module: bool = False) -> subprocess.CompletedProcess[str]:
    """The command with the scenes of this module, or as it is; its files are in `folder`."""
    command = ["-m", "scripts.ordeals"] if module else ["-c", PLAYED]
    environ = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command, *arguments],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_store_that_finds_and_then_adds_is_caught(tmp_path: Path) -> None:
    done = torture(tmp_path, "--json", "luck")
    (row,) = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 1
    assert not row["ok"]
    assert row["accepted"] > row["expected"] == CROWD.proofs
    assert all(re.fullmatch(r"\d+ proofs were accepted \d+ times", fault) for fault in row["faults"])


def test_a_store_that_claims_in_one_step_is_ok(tmp_path: Path) -> None:
    done = torture(tmp_path, "--json", "honest")
    (row,) = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0, done.stdout
    assert list(row)[:5] == ["name", "trials", "accepted", "expected", "ok"]
    assert (row["trials"], row["accepted"], row["expected"], row["ok"]) == (CROWD.trials, 40, 40, True)
    assert (row["quota"], row["owners"], row["workers"]) == (500, 2, 2)
    assert list(tmp_path.iterdir()) == []


def test_one_bad_scene_fails_the_run_and_stops_no_other(tmp_path: Path) -> None:
    done = torture(tmp_path, "broken", "honest")
    assert done.returncode == 1
    ok, failed = sorted(line for line in done.stdout.splitlines() if not line.startswith(" "))[::-1]
    assert ok.startswith("ok   honest")
    assert failed.startswith("FAIL broken")
    assert "it broke down: OSError: no such server" in done.stdout


def test_quick_leaves_out_what_is_long_unless_it_is_named(tmp_path: Path) -> None:
    assert "long" not in torture(tmp_path, "--quick", "--list").stdout
    assert "long" in torture(tmp_path, "--quick", "--list", "long").stdout


def test_an_unknown_name_is_told_with_the_nearest(tmp_path: Path) -> None:
    done = torture(tmp_path, "honset")
    assert done.returncode == 2
    assert "no scene is called honset; did you mean honest?" in done.stderr
    assert done.stdout == ""


def test_names_may_be_patterns(tmp_path: Path) -> None:
    assert [line.split()[0] for line in torture(tmp_path, "--list", "*n*").stdout.splitlines()] == [
        "honest",
        "broken",
        "long",
    ]


def test_the_list_tells_every_scene(tmp_path: Path) -> None:
    done = torture(tmp_path, "--list", module=True)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [scene.name for scene in SCENES]
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_names_of_scenes_differ() -> None:
    names = [scene.name for scene in SCENES]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", ["life-trickle", "life-ahead"])
def test_no_moment_of_its_life_lets_a_proof_count_twice(tmp_path: Path, name: str) -> None:
    done = torture(tmp_path, "--quick", "--json", name, module=True)
    row = json.loads(done.stdout)
    assert row["ok"], row
    assert row["accepted"] == row["expected"] > 0
    assert done.returncode == 0
