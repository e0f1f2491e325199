"""What an operator changes in the machines file holds within a second, in every worker, without a restart."""

from __future__ import annotations

import time
from collections.abc import Callable

from mfa_middleware import machines
from mfa_middleware.errors import Code
from tests.faces.answers import assert_refused
from tests.faces.serving import Served
from tests.helpers.processes import until
from tests.helpers.rawhttp import Response

_WITHIN = 1.5  # the promise is a second; the rest is for a busy machine


def _get(served: Served) -> Response:
    return served.call("night", "GET", "/orders")


def _changes(served: Served, change: Callable[[], object], code: Code | None) -> None:
    """After a change, every worker comes to give this answer in time, and then all answers are this one."""
    workers = {answer.one("x-worker") for answer in served.by_all_workers(lambda: _get(served))}
    change()
    began = time.monotonic()
    changed: set[str] = set()

    def all_changed() -> bool:
        answers = served.by_all_workers(lambda: _get(served), seconds=_WITHIN)
        changed.update(a.one("x-worker") for a in answers if a.code == code)
        return changed >= workers

    until(all_changed, f"every worker answers {code}", seconds=_WITHIN)
    assert time.monotonic() - began < _WITHIN
    for answer in served.by_all_workers(lambda: _get(served)):
        assert answer.code == code, answer


def test_a_paused_machine_is_refused_and_a_resumed_one_accepted(served: Served) -> None:
    _changes(served, lambda: machines.set_state(served.machines, "night", "paused"), Code.MACHINE_INACTIVE)
    document = assert_refused(_get(served), Code.MACHINE_INACTIVE)
    assert document["reason"] == "paused"
    _changes(served, lambda: machines.set_state(served.machines, "night", "active"), None)
