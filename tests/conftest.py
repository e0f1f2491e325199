from __future__ import annotations

import os
from pathlib import Path

import pytest

from mfa_middleware.replay.files import store_path

# Two runs on one host share no store; tests that are about the default name say so.
os.environ["MFA_APP"] = f"tests-{os.getpid()}"


def pytest_unconfigure() -> None:
    path = store_path(os.environ["MFA_APP"])
    for one in (path, path.with_suffix(".memory")):
        one.unlink(missing_ok=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--wycheproof-root", metavar="DIR", help="directory with json_web_signature_test.json of Project Wycheproof"
    )
    parser.addoption(
        "--structured-fields-root", metavar="DIR", help="directory with the JSON files of httpwg/structured-field-tests"
    )


def _root(config: pytest.Config, option: str) -> Path:
    given = config.getoption(option)
    if not given:
        pytest.skip(f"{option}=DIR was not given")
    root = Path(given)
    if not root.is_dir():
        pytest.fail(f"{option}={root} is not a directory")
    return root


@pytest.fixture(scope="session")
def wycheproof_root(pytestconfig: pytest.Config) -> Path:
    return _root(pytestconfig, "--wycheproof-root")


@pytest.fixture(scope="session")
def structured_fields_root(pytestconfig: pytest.Config) -> Path:
    return _root(pytestconfig, "--structured-fields-root")
