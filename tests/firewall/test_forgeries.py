"""Every row of the catalogue, forged and sent to every example under a real server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from mfa_middleware.firewall import CATALOG, Action
from tests.firewall.attacker.campaign import FILTERED, ROWS, Campaign, Row, wage
from tests.firewall.attacker.estate import APPS, Estate, running, warm


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """All rows against all apps."""
    estate = Estate(tmp_path_factory.mktemp("estate"))
    with contextlib.ExitStack() as stack:
        apps = [stack.enter_context(running(estate, name)) for name in APPS]
        warm(apps)
        yield wage(apps)


@pytest.fixture(params=ROWS)
def row(request: pytest.FixtureRequest, campaign: Campaign) -> Row:
    return campaign.rows[request.param]


def test_every_forgery_is_named_and_none_gets_through_that_must_not(row: Row) -> None:
    assert list(row.faults) == []


def test_honest_requests_between_the_attacks_are_served(campaign: Campaign) -> None:
    assert campaign.refused_honest == []


def test_every_row_that_can_be_seen_has_a_forgery() -> None:
    assert set(ROWS) == {trick.id for trick in CATALOG.values() if trick.action is not Action.UNSEEABLE}


def test_rows_that_cannot_be_seen_say_why_and_are_few() -> None:
    unseeable = [trick for trick in CATALOG.values() if trick.action is Action.UNSEEABLE]
    assert all(trick.reason for trick in unseeable)
    assert len(unseeable) <= 12


def test_what_one_server_takes_out_another_lets_pass(campaign: Campaign) -> None:
    for rows in FILTERED.values():
        for trick in rows:
            assert any(one.named for _, one in campaign.rows[trick].counted)
