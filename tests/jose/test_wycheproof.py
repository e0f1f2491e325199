"""Project Wycheproof: every vector of an algorithm that proofs support comes out right, every other one is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.jose.algorithms import ALGORITHMS
from mfa_middleware.jose.jwk import public_jwk
from mfa_middleware.jose.jws import InvalidSignature, Malformed, verify_compact

NOT_ACCEPTED = {
    346: "RFC 7520 example: the key says PS256 and the token says PS384; a key has one algorithm",
    347: "RFC 7520 example: the key says ES521, which is no algorithm, and the token says ES512",
    350: "as 346, with key_ops",
    351: "as 347, with key_ops",
    372: "marked valid although the payload has characters that base64url does not know",
    373: "as 372, in the signature",
}
"""Vectors that are marked valid and are refused here, with the reason."""


@pytest.fixture(scope="module")
def groups(wycheproof_root: Path) -> list[dict[str, Any]]:
    document = json.loads((wycheproof_root / "json_web_signature_test.json").read_text("utf-8"))
    assert sum(len(group["tests"]) for group in document["testGroups"]) == document["numberOfTests"] > 400
    return document["testGroups"]


def accepts(jwk: dict[str, Any], jws: Any) -> bool:
    if not isinstance(jws, str):
        return False
    try:
        verify_compact(jws.encode("utf-8"), public_jwk(jwk), str(jwk.get("alg")))
    except (Malformed, InvalidSignature):
        return False
    return True


def key_of(group: dict[str, Any]) -> dict[str, Any]:
    """The public key; where there is none, the shared secret."""
    return group.get("public", group["private"])


def test_every_vector_comes_out_right(groups: list[dict[str, Any]]) -> None:
    for group in groups:
        jwk = key_of(group)
        for test in group["tests"]:
            expected = test["result"] == "valid" and jwk.get("alg") in ALGORITHMS and test["tcId"] not in NOT_ACCEPTED
            assert accepts(jwk, test["jws"]) is expected, (test["tcId"], test["comment"])


def test_valid_vectors_of_three_algorithms_are_accepted(groups: list[dict[str, Any]]) -> None:
    accepted = [
        key_of(group)["alg"] for group in groups for test in group["tests"] if accepts(key_of(group), test["jws"])
    ]
    assert {alg: accepted.count(alg) for alg in accepted} == {"ES256": 2, "RS256": 8, "PS256": 6}


def test_each_exception_is_marked_valid_and_refused(groups: list[dict[str, Any]]) -> None:
    listed = {
        test["tcId"]: (test, key_of(group))
        for group in groups
        for test in group["tests"]
        if test["tcId"] in NOT_ACCEPTED
    }
    assert listed.keys() == NOT_ACCEPTED.keys()
    for test, jwk in listed.values():
        assert test["result"] == "valid"
        assert not accepts(jwk, test["jws"])


def test_no_shared_secret_is_a_key(groups: list[dict[str, Any]]) -> None:
    secrets = [key_of(group) for group in groups if "public" not in group]
    assert len(secrets) >= 4
    for jwk in secrets:
        with pytest.raises(Malformed):
            public_jwk(jwk)
