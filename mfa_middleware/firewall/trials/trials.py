"""The trials of one token, in the order in which they are likely to tell."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.firewall.keys import Key, KeyRing, KeySet
from mfa_middleware.firewall.keys.signature import SUPPORTED, verifies
from mfa_middleware.firewall.trials.allowance import Allowance
from mfa_middleware.firewall.trials.own_key import OwnKey, own_jwk, own_leaf, own_secret, told_of_jwk
from mfa_middleware.firewall.trials.signed_by import Forms, Secrets, made_by, refuse_known
from mfa_middleware.firewall.trials.suspect import Confirmed, Suspect

__all__ = ["Trials"]

_MICROSECONDS: Final = 1_000
_COST: Final = {"ES384": 600, "ES512": 600, "ES256K": 400, "Ed25519": 140, "Ed448": 220, "EdDSA": 220}
_COST_OF_OTHERS: Final = 90


class Trials:
    """Proves tricks of tokens that did not verify. Any thread may use the same object.

    What a set of keys needs is made when the keys change, not when a token comes: about 1 ms a key.
    """

    def __init__(
        self,
        ring: KeyRing,
        *,
        listed: Sequence[bytes] = (),
        allowance: Allowance | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`listed`: the secrets of MFA_JWT_SECRETS_FILE. Raises ConfigurationError where the app uses a known one."""
        self._allowance = allowance or Allowance(clock=clock)
        self._secrets = Secrets(listed)
        self._turns = itertools.count()
        self._forms = Forms(KeySet())
        ring.when_changed(self._prepare)
        refuse_known(self._forms.keyset, listed)

    def confirm(self, suspect: Suspect, source: str) -> tuple[Confirmed, ...] | None:
        """All that can be proven of a token; None where its source has used up its trials.

        Only for a token that no registered key signed. `source`: who sent it, for example the client address.
        Takes at most about 2 ms, for tokens of up to 16 KiB and any number of keys.
        """
        if not self._allowance.take(source):
            return None
        return tuple(self._confirmed(suspect, self._forms))

    def _prepare(self, keyset: KeySet) -> None:
        self._forms = Forms(keyset)

    def _confirmed(self, suspect: Suspect, forms: Forms) -> Iterator[Confirmed]:
        algorithm = suspect.algorithm
        if algorithm is None or algorithm not in SUPPORTED or algorithm.startswith("HS"):
            yield from _by_hmac(suspect, self._secrets, forms)
        yield from self._by_public_key(suspect, forms.keyset)

    def _by_public_key(self, suspect: Suspect, keyset: KeySet) -> Iterator[Confirmed]:
        spent = 0
        for trick, own in (("embedded_jwk", own_jwk(suspect)), ("x5c_injection", own_leaf(suspect))):
            if own is None or own.thumbprint in keyset.thumbprints:
                continue
            spent += _COST.get(own.algorithm, _COST_OF_OTHERS)
            if verifies(suspect.signing_input, suspect.signature, own.public, own.algorithm):
                yield from _told(trick, suspect, own, keyset)
                return
        if (other := self._other_signer(suspect, keyset, _MICROSECONDS - spent)) is not None:
            yield Confirmed("kid_cross_tenant", f"it names another key than {other.label}, which signed it")

    def _other_signer(self, suspect: Suspect, keyset: KeySet, microseconds: int) -> Key | None:
        """The registered key, not the one that `kid` names, which signed it; each time another is tried first."""
        kid, algorithm = suspect.kid, suspect.algorithm
        named = keyset.for_kid(kid) if kid is not None else None
        if named is None or algorithm is None:
            return None
        others = [key for key in keyset.fitting(algorithm) if key is not named]
        most = max(0, microseconds) // _COST.get(algorithm, _COST_OF_OTHERS)
        start = next(self._turns) % len(others) if len(others) > most else 0
        for key in (others[start:] + others[:start])[:most]:
            if verifies(suspect.signing_input, suspect.signature, key.public, algorithm):
                return key
        return None


def _by_hmac(suspect: Suspect, secrets: Secrets, forms: Forms) -> Iterator[Confirmed]:
    if own_secret(suspect):
        yield from told_of_jwk(suspect, None, forms.keyset)
    if (found := made_by(suspect, secrets, forms)) is not None:
        yield found


def _told(trick: str, suspect: Suspect, own: OwnKey, keyset: KeySet) -> Iterator[Confirmed]:
    if trick == "embedded_jwk":
        yield from told_of_jwk(suspect, own.thumbprint, keyset)
    else:
        yield Confirmed(trick, "signed with the key of its own x5c, which is not registered")
