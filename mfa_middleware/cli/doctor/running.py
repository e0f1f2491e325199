"""All checks of the doctor, one after the other."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mfa_middleware.cli.doctor.clock import check_clock
from mfa_middleware.cli.doctor.findings import Checks
from mfa_middleware.cli.doctor.live import Call, check_app
from mfa_middleware.cli.doctor.setup import check_settings, read_settings
from mfa_middleware.cli.doctor.store import check_store
from mfa_middleware.clock import SYSTEM_CLOCK, Clock

__all__ = ["run"]


def run(environ: Mapping[str, str] | None = None, call: Call | None = None, clock: Clock = SYSTEM_CLOCK) -> Checks:
    """Check the set-up that the environment describes, and the app that answers `call`; each check once it is done.

    May be called in a process that serves: whatever touches a store runs in processes of its own.
    """
    effective = read_settings(os.environ if environ is None else environ)
    yield from check_settings(effective, clock.wall())
    yield from check_store(effective.settings)
    yield check_clock()
    if call is not None:
        yield from check_app(call, clock)
