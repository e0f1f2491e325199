"""`memory:` refuses to serve an app that another process serves too."""

from __future__ import annotations

import os
import time
from multiprocessing import get_context
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.replay import Outcome, ReplayStore, open_store
from mfa_middleware.replay.files import store_path
from tests.replay.racing import run_in_child
from tests.replay.using import key


@pytest.fixture
def app() -> Any:
    name = f"alone-{os.getpid()}-{time.monotonic_ns()}"
    yield name
    for one in (name, name + "-2"):
        store_path(one).with_suffix(".memory").unlink(missing_ok=True)


def _open(app: str, *, alone: bool = True) -> ReplayStore:
    return open_store("memory:", capacity=1000, quota=1000, app=app, never_cold=True, alone=alone)


def _claim(store: ReplayStore) -> Outcome | str:
    try:
        return store.claim(key(), b"o" * 16, 90.0, None, time.time() + 60)
    except StoreError as error:
        return str(error)


def _start(app: str, alone: bool) -> str:
    try:
        return str(_claim(_open(app, alone=alone)))
    except ConfigurationError as error:
        return str(error)


def test_a_second_process_does_not_start_and_is_told_what_to_write(app: str) -> None:
    store = _open(app)
    told = run_in_child(get_context("spawn"), _start, app, True)
    assert "MFA_REPLAY_STORE=shared:" in told
    assert "MFA_APP=" in told
    assert "\n" not in told
    assert _claim(store) is Outcome.NEW


def test_another_app_and_a_mode_that_refuses_nothing_start(app: str) -> None:
    store = _open(app)
    assert run_in_child(get_context("spawn"), _start, app + "-2", True) == "Outcome.NEW"
    assert run_in_child(get_context("spawn"), _start, app, False) == "Outcome.NEW"
    store.close()


def test_one_process_may_open_it_twice_and_again_after_another_has_ended(app: str) -> None:
    assert run_in_child(get_context("spawn"), _start, app, True) == "Outcome.NEW"
    assert [_claim(_open(app)), _claim(_open(app))] == [Outcome.NEW] * 2


def test_an_app_is_free_again_once_its_last_store_is_closed(app: str) -> None:
    first, second = _open(app), _open(app)
    first.close()
    first.close()
    assert "MFA_REPLAY_STORE=shared:" in run_in_child(get_context("spawn"), _start, app, True)
    second.close()
    assert run_in_child(get_context("spawn"), _start, app, True) == "Outcome.NEW"


def test_the_child_of_a_fork_accepts_nothing_while_its_parent_lives(app: str) -> None:
    store = _open(app)
    assert "MFA_REPLAY_STORE=shared:" in run_in_child(get_context("fork"), _claim, store)
    assert _claim(store) is Outcome.NEW
