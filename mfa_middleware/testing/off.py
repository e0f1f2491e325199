"""Enforcement off, for as long as a test needs it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from mfa_middleware.decision import Decision
from mfa_middleware.events import Event
from mfa_middleware.route import Facts
from mfa_middleware.testing.machines import TestMachine
from mfa_middleware.testing.running import require_test
from mfa_middleware.testing.services import service_of

__all__ = ["mfa_off"]


@contextmanager
def mfa_off(app: Any, *, machine: TestMachine | None = None) -> Iterator[None]:
    """Let every request to an app pass unchecked within a `with` block.

    app: as for `service_of`. machine: the one that every request then comes from, for endpoints that ask for it.

    It cannot be left on by accident. There is no setting and no variable for it: it works on one app in this
    process, and the app's own code has no part in it. It raises RuntimeError unless pytest or unittest is on the
    call stack, which no environment variable can pretend. It ends with the block, whatever happens in there. And
    it is told as an event, `enforcement_off`, at the level of a warning, to every place where events go.
    """
    require_test("mfa_off")
    service = service_of(app)
    known = None if machine is None else machine.machine
    decision = Decision(True, exempt=known is None, machine=known, facts=Facts(True, True, True), enforced=False)

    async def decide_async(*_: object) -> Decision:
        return decision

    service.emit(Event("enforcement_off", logging.WARNING, "a test has switched off the check of all requests"))
    with patch.object(service, "decide", lambda *_: decision), patch.object(service, "decide_async", decide_async):
        yield
    service.emit(Event("enforcement_on", logging.INFO, "requests are checked again"))
