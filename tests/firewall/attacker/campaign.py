"""Every row against every app, with honest requests between the attacks, and what came of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mfa_middleware.cli.probe.call import Attack
from mfa_middleware.cli.probe.forgeries import FORGERIES, Attacks, requests
from mfa_middleware.cli.probe.playing import Played, play
from mfa_middleware.firewall import CATALOG, Action
from tests.firewall.attacker import libraries
from tests.firewall.attacker.estate import Running

__all__ = ["FILTERED", "ROWS", "Campaign", "Row", "wage"]

_LAST = "replay_flood"
_SHOWN = 3
FILTERED: Mapping[str, Mapping[str, str]] = {
    "fastapi": {"absolute_target": "httptools hands on the path of an absolute target, without its host"},
    "flask": {"underscore_header": "under its WSGI name it is the header with the dash"},
    "django": {"underscore_header": "under its WSGI name it is the header with the dash"},
}
"""Rows that a server takes out of the request before the app sees it, so that an honest request arrives."""


def _rows() -> Mapping[str, tuple[Attacks, ...]]:
    rows = {trick: [attacks] for trick, attacks in FORGERIES.items()}
    for trick, tokens in libraries.TOKENS.items():
        rows[trick].append(requests(trick, tokens))
    names = sorted(rows, key=lambda trick: trick == _LAST)
    return {trick: tuple(rows[trick]) for trick in names}


ROWS = _rows()
"""The attacks of each row; the flood comes last, as nothing is served after it."""


@dataclass
class Row:
    """What came of one row."""

    trick: str
    played: list[tuple[str, Played]] = field(default_factory=list)

    @property
    def action(self) -> Action:
        return CATALOG[self.trick].action

    @property
    def counted(self) -> list[tuple[str, Played]]:
        """What the apps had to do with, and not their servers alone."""
        return [(app, one) for app, one in self.played if self.trick not in FILTERED.get(app, {})]

    @property
    def faults(self) -> Iterator[str]:
        """What should not have been."""
        if not self.counted:
            yield f"{self.trick}: was not played"
        elif not any(one.named for _, one in self.counted):
            yield f"{self.trick}: no app named it"
        for app, one in self.counted:
            if wrong := self._wrong(one):
                told = f"answer {one.answer.status} {one.answer.code}, told {', '.join(one.told) or 'nothing'}"
                yield f"{self.trick}, {one.attack.note}, {app}: {' and '.join(wrong)} ({told})"

    def _wrong(self, one: Played) -> list[str]:
        """What is wrong with one attack of this row."""
        wrong = []
        if one.broke or not one.answer.status:
            wrong.append("the app broke")
        elif self.action is Action.BLOCK and not _is_stopped(one):
            wrong.append("got through" if one.got_through else "only the app itself refused it")
        if one.seen and not one.named:
            wrong.append("was not named")
        return wrong

    @property
    def is_blocked(self) -> bool:
        return bool(self.counted) and all(_is_stopped(one) for _, one in self.counted)

    @property
    def is_named(self) -> bool:
        named = [one.named for _, one in self.counted if one.seen]
        return bool(named) and all(named)


def _is_stopped(one: Played) -> bool:
    """Whether the middleware refused it, or the server before it; what the app refuses by itself does not count."""
    return 400 <= one.answer.status < 500 and (bool(one.answer.code) or not one.seen)


@dataclass
class Campaign:
    """All rows, and the honest requests that were not served."""

    rows: dict[str, Row]
    refused_honest: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What should not have been, a few for each row."""
        few = (fault for row in self.rows.values() for fault in itertools.islice(row.faults, _SHOWN))
        return [*self.refused_honest, *few]


def wage(apps: Sequence[Running], tricks: Sequence[str] = (), every: int = 10) -> Campaign:
    """Play rows against apps; after `every` attacks an honest request. Each row comes from addresses of its own."""
    chosen = tricks or tuple(ROWS)
    campaign = Campaign({trick: Row(trick) for trick in chosen})
    for app in apps:
        for number, (trick, attack) in enumerate(_attacks(app, chosen)):
            place = list(ROWS).index(trick)
            sources = tuple(f"127.{net}.1.{place + 1}" for net in (1, 2))
            campaign.rows[trick].played.append((app.name, play(attack, app.sender, app.events, sources)))
            if number % every == 0 and trick != _LAST and (status := app.honest()) != 200:
                campaign.refused_honest.append(f"an honest request after {trick}, {app.name}: {status}")
    return campaign


def _attacks(app: Running, tricks: Sequence[str]) -> Iterator[tuple[str, Attack]]:
    for trick in tricks:
        for attacks in ROWS[trick]:
            for attack in attacks(app.target):
                yield trick, attack
