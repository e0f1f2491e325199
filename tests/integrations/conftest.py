from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the name of the app, by which two runs of the tests on one host keep apart."""
    for name in [name for name in os.environ if name.startswith("MFA_") and name != "MFA_APP"]:
        monkeypatch.delenv(name)


@pytest.fixture
def machines(tmp_path: Path) -> Path:
    return tmp_path / "machines.json"
