"""The replay store that the settings ask for, with what stands in for it while it is away."""

from __future__ import annotations

from typing import Final

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.events import Emit
from mfa_middleware.parse import Nonces, Outage
from mfa_middleware.replay import ReplayStore, open_store
from mfa_middleware.replay.fallback import FallbackStore
from mfa_middleware.settings import Settings

__all__ = ["open_configured"]

_HOST: Final = "shared:"


def open_configured(
    settings: Settings,
    *,
    app: str | None = None,
    serves: bool = True,
    clock: Clock = SYSTEM_CLOCK,
    emit: Emit = lambda _: None,
) -> ReplayStore:
    """Open the store of MFA_REPLAY_STORE for MFA_APP, or for another `app`.

    `serves`: whether this process is to serve the app, and not only to look. Raises ConfigurationError.
    """

    def opened(uri: str) -> ReplayStore:
        return open_store(
            uri,
            capacity=settings.capacity,
            quota=settings.quota,
            app=app or settings.app,
            never_cold=not settings.origins,
            clock=clock,
            alone=serves and settings.mode.name == "enforce",
            timeout=settings.store_timeout,
            emit=emit,
        )

    first = opened(settings.replay_store)
    if settings.store_outage is Outage.CLOSED:
        return first
    try:
        _check_fallback(settings, first)
        return FallbackStore(first, opened(_HOST), clock, emit)
    except ConfigurationError:
        first.close()
        raise


def _check_fallback(settings: Settings, first: ReplayStore) -> None:
    if first.shared_by != "cluster":
        raise ConfigurationError(f"MFA_STORE_OUTAGE: {first.scheme}: is on this host already; write closed")
    if settings.nonce is Nonces.OFF:
        raise ConfigurationError("MFA_STORE_OUTAGE: host needs nonces of this host; write MFA_NONCE=recover")
