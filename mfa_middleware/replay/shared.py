"""`shared:`, the store of all worker processes of a host: a table in a file that each of them maps."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final, Self

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay.base import Options
from mfa_middleware.replay.store import TableStore
from mfa_middleware.replay.table import Table

__all__ = ["SharedStore"]

_URI: Final = "shared:"


class SharedStore(TableStore):
    """Remembers proofs for all processes of this user and this app on this host, across their restarts.

    `app` and the user alone name the file, so that all workers find it; `directory` is for tests.
    """

    scheme: ClassVar[str] = "shared"
    blocking: bool = True
    shared_by: str = "host"

    def __init__(
        self,
        *,
        capacity: int,
        quota: int,
        app: str,
        never_cold: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        directory: Path | None = None,
    ) -> None:
        self._capacity = capacity
        self._app = app
        self._directory = directory
        super().__init__(Options(capacity=capacity, quota=quota, app=app, never_cold=never_cold, clock=clock))

    @classmethod
    def open(cls, uri: str, options: Options) -> Self:
        """The store for `shared:`. Raises ConfigurationError if the URI says more, or if its file cannot be used."""
        if uri != _URI:
            raise ConfigurationError(f"the replay store is {uri!r}: write {_URI} with nothing after the colon")
        return cls(
            capacity=options.capacity,
            quota=options.quota,
            app=options.app,
            never_cold=options.never_cold,
            clock=options.clock,
        )

    @property
    def path(self) -> Path:
        """The file; the name follows the user that the process runs as now."""
        from mfa_middleware.replay.files import store_path

        return store_path(self._app, self._directory)

    @property
    def notice(self) -> str | None:
        """What the operator should know: that the file was made for another capacity and is in use."""
        if self.capacity == self._capacity:
            return None
        return (
            f"replay store {self.path} holds {self.capacity} entries, not {self._capacity}, because other processes "
            "use it: stop them all for MFA_CAPACITY to take effect"
        )

    def _find_table(self) -> Table:
        try:
            from mfa_middleware.replay.filetable import file_table
        except ImportError as error:
            raise ConfigurationError(
                f"the replay store {_URI} needs POSIX file locks, which this system lacks: write "
                "MFA_REPLAY_STORE=memory: and run one worker process"
            ) from error
        return file_table(self.path, self._capacity, self._clock)
