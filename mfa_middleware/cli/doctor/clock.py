"""Whether this host's clock is kept right."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

from mfa_middleware.cli.doctor.findings import Check, ok, skipped, warn

__all__ = ["check_clock"]

_NAME: Final = "clock"
_ASK: Final = ("show", "--property=NTPSynchronized", "--value")
_SECONDS: Final = 5.0


def check_clock() -> Check:
    """What systemd says about NTP; nothing, where there is no systemd."""
    command = shutil.which("timedatectl")
    if command is None:
        return skipped(_NAME, "there is no timedatectl here that would say whether NTP keeps the clock")
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            [command, *_ASK], stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return skipped(_NAME, "timedatectl gave no answer, so whether NTP keeps the clock is not known")
    return _judge(done.stdout.strip())


def _judge(said: bytes) -> Check:
    if said == b"yes":
        return ok(_NAME, "synchronised by NTP, says timedatectl")
    if said == b"no":
        return warn(_NAME, "not synchronised by NTP, says timedatectl", "timedatectl set-ntp true")
    return skipped(_NAME, "systemd does not run here (a container?): what keeps the clock is not known")
