"""Where the events of one app go: the logger, the file of MFA_EVENT_LOG, a function."""

from __future__ import annotations

import logging
from collections.abc import Callable

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.events import Emit, JsonLines, emit_to_log, fan_out
from mfa_middleware.settings import Settings

__all__ = ["open_sinks"]


def open_sinks(settings: Settings, on_event: Emit | None) -> tuple[Emit, Callable[[int], bool]]:
    """Where events go, and whether any of these places wants those of a level.

    Raises ConfigurationError where the file cannot be written.
    """
    sinks: list[Emit] = [emit_to_log]
    if settings.event_log is not None:
        try:
            sinks.append(JsonLines(settings.event_log))
        except OSError as error:
            raise ConfigurationError(
                f"MFA_EVENT_LOG: {settings.event_log} cannot be written ({error.strerror})"
            ) from None
    if on_event is not None:
        sinks.append(on_event)
    if len(sinks) == 1:
        return emit_to_log, logging.getLogger("mfa_middleware").isEnabledFor
    return fan_out(sinks), lambda _: True
