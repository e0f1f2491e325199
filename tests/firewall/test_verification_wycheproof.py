"""Project Wycheproof's JWS vectors, each verified with the key of its group as MFA_JWT_KEYS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.firewall.keys import KeyRing
from mfa_middleware.firewall.verification import Reason, Verifier

from .keys.material import ring_of

NOT_ACCEPTED = {
    346: "the key says PS256 and the token says PS384; a key has one algorithm",
    347: "the key says ES521, which is no algorithm",
    350: "as 346, with key_ops",
    351: "as 347, with key_ops",
    372: "marked valid although the payload has characters that base64url does not know",
    373: "as 372, in the signature",
}
"""Vectors that are marked valid and do not verify here, with the reason."""

SAME_AS_VALID = {367: 357, 370: 357}
"""Vectors that are marked invalid for a padding which the file lost: byte for byte another one, marked valid."""


@pytest.fixture(scope="module")
def groups(wycheproof_root: Path) -> list[dict[str, Any]]:
    document = json.loads((wycheproof_root / "json_web_signature_test.json").read_text("utf-8"))
    assert sum(len(group["tests"]) for group in document["testGroups"]) == document["numberOfTests"] > 400
    return document["testGroups"]


def ring_for(group: dict[str, Any]) -> KeyRing | None:
    try:
        return ring_of(group.get("public", group["private"]))
    except ConfigurationError:
        return None


def test_every_vector_comes_out_right(groups: list[dict[str, Any]]) -> None:
    for group in groups:
        ring = ring_for(group)
        for test in group["tests"]:
            jws = test["jws"] if isinstance(test["jws"], str) else json.dumps(test["jws"])
            signed = ring is not None and Verifier(ring).verify(jws.encode()).is_signed
            good = test["result"] == "valid" or test["tcId"] in SAME_AS_VALID
            expected = good and test["tcId"] not in NOT_ACCEPTED
            assert signed is expected, (test["tcId"], test["comment"])


def test_each_exception_is_marked_valid(groups: list[dict[str, Any]]) -> None:
    valid = {test["tcId"] for group in groups for test in group["tests"] if test["result"] == "valid"}
    assert valid >= NOT_ACCEPTED.keys()
    assert len(valid) - len(NOT_ACCEPTED) >= 40


def test_the_vectors_that_lost_their_padding_are_those_of_the_valid_one(groups: list[dict[str, Any]]) -> None:
    tokens = {test["tcId"]: test["jws"] for group in groups for test in group["tests"]}
    assert all(tokens[one] == tokens[other] for one, other in SAME_AS_VALID.items())


def test_keys_that_are_not_for_signatures_stop_the_start(groups: list[dict[str, Any]]) -> None:
    refused = {test["tcId"] for group in groups if ring_for(group) is None for test in group["tests"]}
    assert refused == {347, 351, 353, 354, 355, 356}


def test_a_signed_payload_that_is_no_object_has_no_claims(groups: list[dict[str, Any]]) -> None:
    outcomes = [
        Verifier(ring).verify(test["jws"].encode())
        for group in groups
        if (ring := ring_for(group)) is not None
        for test in group["tests"]
        if test["result"] == "valid" and test["tcId"] not in NOT_ACCEPTED
    ]
    assert {outcome.reason for outcome in outcomes} <= {None, Reason.PAYLOAD, Reason.EXPIRED}
    assert all((outcome.claims is None) == (outcome.reason is not None) for outcome in outcomes)
