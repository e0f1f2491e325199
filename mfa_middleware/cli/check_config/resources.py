"""Whether the replay store can be opened and the event log be written by this user."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mfa_middleware.cli.check_config.problems import Problem, error, warning
from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.events import Event
from mfa_middleware.settings import Outage, Settings
from mfa_middleware.stores import open_configured

__all__ = ["check_event_log", "check_first_use", "check_store"]

_STORE: Final = "MFA_REPLAY_STORE"
_LOG: Final = "MFA_EVENT_LOG"


def check_store(settings: Settings) -> Iterator[Problem]:
    """Open the store as the app would. Where it would have to be made, a stand-in is made and removed again."""
    on_host = settings.replay_store == "shared:" or settings.store_outage is Outage.HOST
    trial, events = on_host and not _has_file(settings.app), list[Event]()
    app = f"check-config-{os.getpid()}" if trial else None
    try:
        store = open_configured(settings, app=app, serves=False, emit=events.append)
    except (ConfigurationError, StoreError) as refused:
        yield error(_STORE, str(refused))
        return
    yield from (error(_STORE, event.detail) for event in events if event.kind == "store_lost")
    try:
        if notice := getattr(store, "notice", None):
            yield warning("MFA_CAPACITY", notice)
    finally:
        store.close()
        if trial:
            Path(getattr(store, "path", "")).unlink(missing_ok=True)


def check_event_log(settings: Settings) -> Iterator[Problem]:
    """The file is not opened, because that would make it, in the name of whoever runs the command."""
    if settings.event_log is None:
        return
    path = Path(settings.event_log)
    if path.is_symlink():
        yield error(_LOG, f"{path} is a symbolic link; name the file that it leads to")
    elif path.exists() and not (path.is_file() and os.access(path, os.W_OK)):
        yield error(_LOG, f"{path} is no file that this user can write")
    elif not path.exists() and not os.access(path.parent, os.W_OK | os.X_OK):
        yield error(_LOG, f"{path} cannot be made: {path.parent} is no directory that this user can write in")


def check_first_use(settings: Settings) -> Iterator[Problem]:
    """Trusted first use writes the registry."""
    folder = Path(settings.machines).absolute().parent
    if settings.first_use and settings.mode.name == "report" and not os.access(folder, os.W_OK | os.X_OK):
        yield error("MFA_FIRST_USE", f"this user cannot write in {folder}, so no machine can be proposed")


def _has_file(app: str) -> bool:
    try:
        from mfa_middleware.replay.files import store_path
    except ImportError:  # no POSIX locks here, as opening the store will say
        return True
    return os.path.lexists(store_path(app))
