"""The catalogue: every row is whole, and every row is found by somebody or says why not."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from mfa_middleware.firewall import CATALOG, Action, Evidence, Trick
from mfa_middleware.firewall.detectors import FAMILIES

CONFIRMED_BY_TRIALS = {"blank_hmac", "weak_hmac", "kid_cross_tenant", "rsa_padding", "signature_invalid"}
"""What takes cryptography to see, after the verification with the registered keys has failed."""
rows = pytest.mark.parametrize("trick", CATALOG.values(), ids=str)


def found_in_tokens() -> set[str]:
    return {name for family in FAMILIES for detector in family.detectors for name in detector.ids}


def test_there_are_enough_rows_and_few_that_cannot_be_seen() -> None:
    count = Counter(trick.action for trick in CATALOG.values())
    assert sum(count.values()) >= 100
    assert count[Action.UNSEEABLE] <= 12


def test_ids_are_speaking_and_differ() -> None:
    assert all(name == trick.id and re.fullmatch(r"[a-z][a-z0-9_]{3,40}", name) for name, trick in CATALOG.items())
    titles = Counter(trick.title for trick in CATALOG.values())
    assert [title for title, times in titles.items() if times > 1] == []


def test_every_group_of_the_research_has_a_row() -> None:
    groups = {"A": 10, "B": 9, "C": 9, "D": 9, "E": 13, "F": 6, "G": 8, "I": 25, "J": 14}
    wanted = {f"{family}{number}" for family, last in groups.items() for number in range(1, last + 1)}
    assert wanted - {trick.ref for trick in CATALOG.values()} == set()


@rows
def test_every_row_is_whole(trick: Trick) -> None:
    for text in (trick.title, trick.what, trick.how, trick.advice):
        assert text
        assert text[0] == text[0].upper() or text[0] == "`"
    assert trick.what.endswith(".")
    assert trick.how.endswith(".")
    assert trick.advice.endswith(".")
    assert all(re.fullmatch(r"CVE-\d{4}-\d{4,6}", cve) for cve in trick.cves)
    assert trick.cwe
    assert all(re.fullmatch(r"CWE-\d+", cwe) for cwe in trick.cwe)
    assert trick.attack
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", technique) for technique in trick.attack)
    assert re.fullmatch(r"(\d\.\d{1,2}(, )?)*", trick.bcp)


@rows
def test_a_row_that_cannot_be_seen_says_why_and_no_other_does(trick: Trick) -> None:
    assert (trick.action is Action.UNSEEABLE) == bool(trick.reason) == (trick.evidence is None)


@rows
def test_what_honest_clients_do_is_only_reported(trick: Trick) -> None:
    """A proof is refused by its own checks, and a signature by its verification, whatever its evidence."""
    refused_elsewhere = trick.family == "possession" or trick.id == "signature_invalid"
    if trick.action is Action.BLOCK and not refused_elsewhere:
        assert trick.evidence is not Evidence.POLICY
    if trick.action is Action.REPORT:
        assert trick.evidence is Evidence.POLICY


def test_every_detector_names_rows_of_the_catalogue() -> None:
    assert found_in_tokens() - CATALOG.keys() == set()


def test_every_row_of_a_token_has_a_detector() -> None:
    elsewhere = {"possession", "transport"}
    seeable = {
        name
        for name, trick in CATALOG.items()
        if trick.action is not Action.UNSEEABLE and trick.family not in elsewhere
    }
    assert seeable - found_in_tokens() == CONFIRMED_BY_TRIALS
