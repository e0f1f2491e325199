"""One probe: the honest request first, then every row."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final

from mfa_middleware.cli.errors import CommandError
from mfa_middleware.cli.probe.call import Attack
from mfa_middleware.cli.probe.forgeries import FORGERIES
from mfa_middleware.cli.probe.playing import Answer, EventTail, Sender, play
from mfa_middleware.cli.probe.rows import Row, all_rows
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.firewall import Action

__all__ = ["Session"]

_FLOOD: Final = "replay_flood"
_PATIENCE: Final = 60.0  # a store that has just begun demands nonces for half a minute
_SOURCES: Final = ("127.0.0.1", "127.0.0.2")
_MISSING: Final = {
    "possession": "it takes the key of an enrolled machine: --machine-key",
    "header_keys": "it takes the public keys of the app: --keys",
    "algorithm": "it takes the public keys of the app: --keys",
}
_OWN_KEY: Final = "it takes a private key of the issuer"


@dataclass(frozen=True, slots=True)
class Session:
    """What is probed, and how. `flood`: whether to try the row that uses up the quota of the machine."""

    target: Target
    sender: Sender
    events: EventTail | None
    is_local: bool
    flood: bool = False
    sleep: Callable[[float], None] = time.sleep

    def begin(self) -> None:
        """See that an honest request is served, and one without a token is not. Raises CommandError."""
        answer = self._honest()
        if not 200 <= answer.status < 300:
            raise CommandError(f"the honest request was not served: {_told(answer)}")
        stranger = replace(self.target, token="x", machine=None)  # noqa: S106 - no token at all
        if self.sender.send(stranger.honest()).status == answer.status:
            raise CommandError("the URL is served to anybody, without a token; name one that needs a token")

    def _honest(self) -> Answer:
        deadline = self.target.clock() + _PATIENCE
        answer = self.sender.send(self.target.honest())
        while answer.code == "use_dpop_nonce" and self.target.clock() < deadline:
            self.sleep(2.0)
            answer = self.sender.send(self.target.honest())
        return answer

    def rows(self, chosen: Collection[str]) -> Iterator[Row]:
        """Play rows, each as it comes; what cannot be played says why. The flood is the last."""
        rows = [row for name, row in all_rows().items() if not chosen or name in chosen]
        for row in sorted(rows, key=lambda row: row.trick.id == _FLOOD):
            if row.trick.action is not Action.UNSEEABLE:
                self._play(row)
            yield row

    def _play(self, row: Row) -> None:
        if row.trick.id == _FLOOD and not self.flood:
            row.why = "it uses up the quota of the machine: --flood"
            return
        for attack in FORGERIES[row.trick.id](self.target):
            row.played.append(play(attack, self.sender, self.events, self._sources(attack)))
        if not row.played:
            row.why = self._missing(row)

    def _sources(self, attack: Attack) -> tuple[str, ...]:
        """A proof that comes again from another address was stolen; from the same one it may be a retry."""
        return _SOURCES if self.is_local and len(attack.calls) > 1 else ()

    def _missing(self, row: Row) -> str:
        if row.trick.family in _MISSING and not (self.target.keys and row.trick.family != "possession"):
            return _MISSING[row.trick.family]
        return _OWN_KEY


def _told(answer: Answer) -> str:
    if answer.code in ("missing_proof", "unknown_machine"):
        return f"{answer.status} {answer.code}; give the key of an enrolled machine: --machine-key FILE"
    if answer.status == 0:
        return "there was no answer"
    return f"{answer.status} {answer.code}".rstrip() + "; give a token that the app accepts: --token"
