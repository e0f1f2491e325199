"""Project Wycheproof's key sets: a bad one stops the start, a good one verifies."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.firewall.verification import Verifier

from .material import ring_of


@pytest.fixture(scope="module")
def groups(wycheproof_root: Path) -> list[dict[str, Any]]:
    document = json.loads((wycheproof_root / "json_web_key_test.json").read_text("utf-8"))
    assert sum(len(group["tests"]) for group in document["testGroups"]) == document["numberOfTests"] == 26
    return document["testGroups"]


def key_set_of(group: dict[str, Any]) -> dict[str, Any]:
    """The public set, which some groups hold as the text of a Python value."""
    found = group.get("public", group["private"])
    return ast.literal_eval(found) if isinstance(found, str) else found


def accepts(group: dict[str, Any], jws: str) -> bool:
    try:
        ring = ring_of(json.dumps(key_set_of(group)))
    except ConfigurationError:
        return False
    return Verifier(ring).verify(jws.encode()).is_signed


def test_every_vector_comes_out_right(groups: list[dict[str, Any]]) -> None:
    for group in groups:
        for test in group["tests"]:
            assert accepts(group, test["jws"]) is (test["result"] == "valid"), (test["tcId"], test["comment"])


def test_the_key_sets_of_bad_vectors_give_no_keys(groups: list[dict[str, Any]]) -> None:
    """All but that of a changed signature stop the start, or have no key to use."""
    usable = set()
    for group in groups:
        try:
            if ring_of(json.dumps(key_set_of(group))).current():
                usable |= {test["tcId"] for test in group["tests"] if test["result"] == "invalid"}
        except ConfigurationError:
            continue
    assert usable == {3}
