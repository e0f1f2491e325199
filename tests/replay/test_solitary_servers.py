"""`memory:` on real servers: one worker serves, several do not, and the operator reads why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mfa_middleware.client import PrivateKey
from mfa_middleware.replay.files import store_path
from tests.faces.matrix import FACES
from tests.faces.serving import Served, Starting, serving
from tests.helpers.processes import until

CURE = "MFA_REPLAY_STORE=shared:"


@contextmanager
def _in_memory(face: str, directory: Path, **settings: str) -> Iterator[Starting]:
    keys = {"depot": PrivateKey.generate("ES256")}
    given = {"MFA_REPLAY_STORE": "memory:", **settings}
    with serving(FACES[face], directory, keys, {"depot": {}}, **given) as starting:
        try:
            yield starting
        finally:
            store_path(starting.served.app).with_suffix(".memory").unlink(missing_ok=True)


def _twice(served: Served) -> list[str | None]:
    lines = served.signed("depot", "GET", "/orders")
    answers = [served.send("GET", "/orders", lines) for _ in range(2)]
    return [answer.code or str(answer.status) for answer in answers]


def test_one_worker_serves_and_accepts_each_proof_once(tmp_path: Path) -> None:
    with _in_memory("fastapi-uvicorn-h11", tmp_path) as starting:
        assert _twice(starting.ready()) == ["200", "replayed"]


def test_two_workers_do_not_start_and_say_what_to_write(tmp_path: Path) -> None:
    with _in_memory("flask-gunicorn-sync", tmp_path) as starting:
        (process,) = starting.served.processes
        until(lambda: process.popen.poll() is not None, "gunicorn gives up")
        assert process.popen.returncode != 0
        assert CURE in process.output


def test_workers_that_were_forked_from_a_process_that_opened_it_accept_nothing(tmp_path: Path) -> None:
    with _in_memory("flask-gunicorn-gthread", tmp_path) as starting:
        served = starting.ready()
        assert _twice(served) == ["store_unavailable"] * 2
        until(lambda: CURE in served.output, "the operator is told")


@pytest.mark.parametrize("mode", ["report", "off"])
def test_a_mode_that_refuses_nothing_runs_with_any_number_of_workers(tmp_path: Path, mode: str) -> None:
    with _in_memory("flask-gunicorn-sync", tmp_path, MFA_MODE=mode) as starting:
        assert starting.ready().send("GET", "/orders", [("X-API-Key", "demo-key")]).status == 200
