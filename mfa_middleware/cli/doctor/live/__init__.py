"""The checks of a running app: one proof on many connections at the same moment, which must count once."""

from __future__ import annotations

from mfa_middleware.cli.doctor.live.call import Call
from mfa_middleware.cli.doctor.live.examination import check_app

__all__ = ["Call", "check_app"]
