"""For whom refusals are carried out: everybody, nobody, or a share of the credentials that stays the same."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Generator, Sequence
from typing import Any

from mfa_middleware.bearer import Bearer
from mfa_middleware.credentials import Credential
from mfa_middleware.errors import StoreError
from mfa_middleware.parse import Mode
from mfa_middleware.steps import KnowsCredential, Step

__all__ = ["Enforcement"]


class Enforcement:
    """The mode of one app. `key`: what the buckets of `enforce:N%` are made with."""

    __slots__ = ("_certain", "_key", "_mode")

    def __init__(self, mode: Mode, key: Callable[[], bytes]) -> None:
        self._mode = mode
        self._key = key
        self._certain = mode.name == "enforce" and mode.percent == 100

    def is_certain(self) -> bool:
        """Whether every refusal is carried out, whoever calls."""
        return self._certain

    def covers(self, credentials: Sequence[Credential], bearers: Sequence[Bearer]) -> Generator[Step, Any, bool]:
        """Whether refusals are carried out for who presents these credentials.

        One of them in an enforced bucket is enough, or one that some machine is permitted: who enrolled is safe.
        """
        if self._certain or self._mode.name != "enforce":
            return self._certain
        for credential, bearer in zip(credentials, bearers, strict=True):
            if self._is_chosen(credential, bearer) or (yield from _is_known(credential, bearer)):
                return True
        return False

    def _is_chosen(self, credential: Credential, bearer: Bearer) -> bool:
        """Whether a credential is of the enforced share; all are while the key of the buckets is not known."""
        try:
            return self._bucket(credential, bearer) < self._mode.percent
        except StoreError:
            return True

    def _bucket(self, credential: Credential, bearer: Bearer) -> float:
        """Where a credential falls between 0 and 100; a JWT falls where its subject falls, however often renewed."""
        who = credential.ath
        if bearer.issuer is not None and bearer.subject is not None:
            who = f"{len(bearer.issuer)}:{bearer.issuer}{bearer.subject}"
        return int.from_bytes(hmac.digest(self._key(), b"mfa bucket" + who.encode(), "sha256")[:4]) * 100 / 2**32


def _is_known(credential: Credential, bearer: Bearer) -> Generator[Step, Any, bool]:
    try:
        known: bool = yield KnowsCredential(credential.ath, bearer.issuer, bearer.subject)
    except StoreError:
        return True
    return known
