"""The keys that verify bearer tokens (MFA_JWT_KEYS): from text, files and https URLs, one algorithm each."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import partial

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.events import Emit, emit_to_log
from mfa_middleware.firewall.keys.https import fetch
from mfa_middleware.firewall.keys.key import BadKey, Key
from mfa_middleware.firewall.keys.keyset import EMPTY, KeySet
from mfa_middleware.firewall.keys.ring import KeyRing
from mfa_middleware.firewall.keys.source import Fetch, Source, source_of

__all__ = ["EMPTY", "BadKey", "Key", "KeyRing", "KeySet", "open_keys"]


def open_keys(
    items: Sequence[str],
    *,
    accepted: Set[str] = frozenset(),
    ca_file: str | None = None,
    clock: Clock = SYSTEM_CLOCK,
    emit: Emit = emit_to_log,
    background: bool = True,
) -> KeyRing:
    """The keys of MFA_JWT_KEYS: PEM, JWK and JWK Set texts, paths of files, https URLs.

    `accepted`: MFA_JWT_ALGORITHMS. URLs are fetched in the background after the first use, or by `KeyRing.poll`.
    Raises ConfigurationError where a text or a file has a bad key, or keys that cannot be told apart.
    """
    try:
        get = partial(fetch, ca_file=ca_file)
        sources = [_named(item, number, accepted, get) for number, item in enumerate(items, 1)]
        return KeyRing(sources, clock=clock, emit=emit, background=background)
    except BadKey as error:
        raise ConfigurationError(f"MFA_JWT_KEYS: {error}") from None


def _named(item: str, number: int, accepted: Set[str], get: Fetch) -> Source:
    try:
        return source_of(item, number, accepted, get)
    except BadKey as error:
        raise BadKey(f"item {number}: {error}") from None
