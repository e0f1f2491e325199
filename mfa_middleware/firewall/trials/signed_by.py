"""Which HMAC key made a signature: a blank one, a known secret, or a form of a registered public key."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.firewall.keys import Key, KeySet
from mfa_middleware.firewall.keys.encodings import COMMON, encodings_of, set_encodings
from mfa_middleware.firewall.trials.prekeyed import DIGESTS, Batch, Budget
from mfa_middleware.firewall.trials.secrets import BLANKS, KNOWN_SECRETS
from mfa_middleware.firewall.trials.suspect import Confirmed, Suspect

__all__ = ["Forms", "Secrets", "made_by", "refuse_known"]

_MICROSECONDS: Final = 1_600.0
_ALL: Final = tuple(DIGESTS.values())
_CHUNK: Final = 100
_FEW: Final = 16  # keys whose forms are keyed for every hash; 150 KB each


class Turns:
    """Batches, each time beginning with another, as the budget of one token may not reach the last."""

    __slots__ = ("_batches", "_count")

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = tuple(batches)
        self._count = itertools.count()

    def __iter__(self) -> Iterator[Batch]:
        start = next(self._count) % max(1, len(self._batches))
        return itertools.chain(self._batches[start:], self._batches[:start])


class Secrets:
    """The blank keys, the known secrets, and those of MFA_JWT_SECRETS_FILE."""

    __slots__ = ("blanks", "known", "listed")

    def __init__(self, listed: Sequence[bytes] = ()) -> None:
        self.blanks = Batch(BLANKS, _ALL)
        self.known = Batch(dict.fromkeys(KNOWN_SECRETS, "a secret that everybody knows"), _ALL)
        more = {secret: f"line {number} of MFA_JWT_SECRETS_FILE" for number, secret in enumerate(listed, 1)}
        rest = [(secret, name) for secret, name in more.items() if secret not in KNOWN_SECRETS]
        self.listed = Turns(Batch(dict(rest[at : at + _CHUNK])) for at in range(0, len(rest), _CHUNK))


class Forms:
    """The forms of the keys of one set: `common` of all keys, and all of each key."""

    __slots__ = ("common", "keyset", "of_key", "turns")

    def __init__(self, keyset: KeySet) -> None:
        self.keyset = keyset
        digests = _ALL if len(keyset.keys) <= _FEW else ("sha256",)
        forms = {key: encodings_of(key) for key in keyset.keys}
        self.of_key: dict[Key, Batch] = {
            key: Batch({raw: f"{name} of {key.label}" for raw, name in found.items()}, digests)
            for key, found in forms.items()
        }
        common = {
            raw: f"{name} of {key.label}"
            for key, found in forms.items()
            for raw, name in found.items()
            if name in COMMON
        }
        self.common = Batch(common | set_encodings(keyset.bodies), digests)
        self.turns = Turns(self.of_key.values())


def made_by(suspect: Suspect, secrets: Secrets, forms: Forms) -> Confirmed | None:
    """The first key that makes the very signature, within the budget of one token."""
    digest = DIGESTS.get(len(suspect.signature))
    if digest is None:
        return None
    budget = Budget(digest, len(suspect.signing_input), _MICROSECONDS)
    for trick, batch in _batches(suspect, secrets, forms):
        found = batch.find(digest, suspect.signing_input, suspect.signature, budget)
        if found is not None:
            return Confirmed(trick, f"the signature is the HMAC-{digest.upper()} with {found}")
    return None


def _batches(suspect: Suspect, secrets: Secrets, forms: Forms) -> Iterator[tuple[str, Batch]]:
    yield "blank_hmac", secrets.blanks
    named = forms.keyset.for_kid(suspect.kid) if suspect.kid is not None else None
    if named is not None:
        yield "key_confusion", forms.of_key[named]
    yield "key_confusion", forms.common
    yield "weak_hmac", secrets.known
    for batch in forms.turns:
        yield "key_confusion", batch
    for batch in secrets.listed:
        yield "weak_hmac", batch


def refuse_known(keyset: KeySet, listed: Sequence[bytes]) -> None:
    """Raises ConfigurationError where the app's own HMAC key is one that everybody knows."""
    known = {*KNOWN_SECRETS, *listed}
    for key in keyset.keys:
        if key.is_symmetric and key.public in known:
            raise ConfigurationError(f"MFA_JWT_KEYS: {key.label} is a secret that attackers know; make a random one")
