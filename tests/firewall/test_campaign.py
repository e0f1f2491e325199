"""What counts as blocked and as named, and when the report of it is good."""

from __future__ import annotations

import dataclasses

import pytest

from mfa_middleware.cli.probe.call import Attack
from mfa_middleware.cli.probe.playing import Answer, Played
from scripts.firewall_report.numbers import Numbers
from tests.firewall.attacker.campaign import ROWS, Row

BLOCKED = Answer(401, "forged_token")
GOOD = Numbers(rows=160, block=114, blocked=114, report=35, named=149, unseeable=11, false_positives=0)


def row(trick: str, *played: Played, app: str = "fastapi-h11") -> Row:
    return Row(trick, [(app, one) for one in played])


def played(trick: str, answer: Answer = BLOCKED, *, told: bool = True, seen: bool = True) -> Played:
    return Played(Attack.of(trick, "a note"), answer, (trick,) if told else (), seen)


def test_what_the_middleware_refuses_and_names_is_in_order() -> None:
    one = row("alg_none", played("alg_none"))
    assert (list(one.faults), one.is_blocked, one.is_named) == ([], True, True)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Answer(200), "got through"),
        (Answer(302), "got through"),
        (Answer(401), "only the app itself refused it"),
        (Answer(500), "the app broke"),
        (Answer(0), "the app broke"),
    ],
)
def test_anything_else_is_a_fault(answer: Answer, word: str) -> None:
    one = row("alg_none", played("alg_none"), played("alg_none", answer))
    assert word in next(one.faults)
    assert one.is_blocked is False


def test_one_that_is_not_named_is_a_fault() -> None:
    one = row("alg_none", played("alg_none"), played("alg_none", told=False))
    assert "was not named" in next(one.faults)
    assert (one.is_blocked, one.is_named) == (True, False)


def test_server_that_refuses_before_the_app_blocks_and_names_nothing() -> None:
    refused = played("method_case", Answer(400), told=False, seen=False)
    assert row("method_case", refused).is_blocked
    assert list(row("method_case", refused).faults) == ["method_case: no app named it"]
    assert list(row("method_case", refused, played("method_case")).faults) == []


def test_row_that_is_reported_may_be_served() -> None:
    assert list(row("exp_missing", played("exp_missing", Answer(200))).faults) == []


def test_what_a_server_takes_out_does_not_count_for_it() -> None:
    taken = played("underscore_header", Answer(200), told=False)
    assert list(row("underscore_header", taken, app="flask").faults) == ["underscore_header: was not played"]
    assert "got through" in "".join(row("underscore_header", taken, app="fastapi").faults)


def test_row_that_was_not_played_is_a_fault() -> None:
    assert list(Row("alg_none").faults) == ["alg_none: was not played"]
    assert (Row("alg_none").is_blocked, Row("alg_none").is_named) == (False, False)


def test_good_numbers_are_good() -> None:
    assert GOOD.are_good
    assert str(GOOD) == "rows=160 block=114 blocked=114 report=35 named=149 unseeable=11 false_positives=0"


@pytest.mark.parametrize(
    "change", [{"rows": 99}, {"blocked": 113}, {"named": 148}, {"unseeable": 13}, {"false_positives": 1}]
)
def test_any_number_that_is_off_makes_them_bad(change: dict[str, int]) -> None:
    assert not dataclasses.replace(GOOD, **change).are_good


def test_numbers_count_rows() -> None:
    rows = {trick: row(trick, played(trick)) for trick in ROWS}
    assert Numbers.of(rows, 0).are_good
    rows["alg_none"] = row("alg_none", played("alg_none", Answer(200)))
    numbers = Numbers.of(rows, 0)
    assert (numbers.block - numbers.blocked, numbers.are_good) == (1, False)
