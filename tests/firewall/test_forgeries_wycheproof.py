"""Project Wycheproof's JWS and JWE vectors as bearer tokens, each with the key of its group registered."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mfa_middleware.cli.probe.call import Attack
from mfa_middleware.cli.probe.playing import Played, play
from tests.firewall.attacker import estate
from tests.firewall.attacker.estate import Estate, Running, running
from tests.firewall.wycheproof_app import FILES, groups

OPAQUE = {
    12: "a payload alone, which could be any key",
    29: "as 12",
    44: "as 12",
}
"""Invalid vectors that are no tokens: the app refuses them, and the firewall has nothing to say."""
NOT_SUPPORTED = {
    346: "the key says PS256 and the token says PS384",
    347: "the key says ES521, which is no algorithm",
    350: "as 346",
    351: "as 347",
    372: "marked valid, and has characters that base64url does not know",
    373: "as 372",
}
"""Vectors that are marked valid, and are refused."""
SAME_AS_VALID = {367, 370}
"""Marked invalid for a padding which the file has lost: byte for byte 357, which is valid."""
_RANGE = {"psychic_signature", "ecdsa_range"}
_BASE64 = {"base64_alphabet", "base64_unused_bits", "base64_length", "base64_padding", "token_whitespace"}
_ALGORITHM = {"alg_not_accepted", "alg_key_mismatch", "key_confusion"}
_NONE = {"alg_none", "alg_none_obfuscated"}
_OF_ENCRYPTED = ("jwe_", "json_", "missing_", "extra_", "base64_", "alg_", "header_")
_PORT = ("--log-level", "warning", "--no-access-log", "--host", "127.0.0.1", "--port", "{}")


class Vector(NamedTuple):
    """One vector, and where its app is."""

    kind: str
    group: int
    number: int
    token: str
    comment: str
    is_valid: bool


def _vectors(root: Path, kind: str) -> Iterator[Vector]:
    for number, group in enumerate(groups(root, kind)):
        for test in group["tests"]:
            text = test[kind] if isinstance(test[kind], str) else json.dumps(test[kind], separators=(",", ":"))
            yield Vector(kind, number, test["tcId"], text, test["comment"], test["result"] == "valid")


@pytest.fixture(scope="module")
def app(wycheproof_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    command = (sys.executable, "-m", "uvicorn", "--factory", "tests.firewall.wycheproof_app:application", *_PORT)
    unset = dict.fromkeys(("MFA_ORIGINS", "MFA_JWT_KEYS", "MFA_JWT_ISSUERS", "MFA_JWT_AUDIENCES"), "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estate, "APPS", {"wycheproof": command})
        name = {"WYCHEPROOF_ROOT": str(wycheproof_root), "MFA_MACHINE_QUOTA": ""}
        with running(Estate(tmp_path_factory.mktemp("vectors")), "wycheproof", **unset, **name) as app:
            yield app


@pytest.fixture(scope="module")
def played(app: Running, wycheproof_root: Path) -> dict[Vector, Played]:
    """What came of every vector."""
    return {one: _play(app, one) for kind in FILES for one in _vectors(wycheproof_root, kind)}


def _play(app: Running, one: Vector) -> Played:
    origin = app.target.url.removesuffix("/orders")
    target = dataclasses.replace(app.target, url=f"{origin}/{one.kind}/{one.group}")
    source = f"127.{4 + (one.kind == 'jwe')}.{one.group + 1}.{1 + one.number % 200}"
    return play(
        Attack.of(str(one.number), one.comment, target.call(one.token.encode())), app.sender, app.events, (source,)
    )


def _told(found: Sequence[tuple[Vector, Played]]) -> list[Any]:
    return [(vector.kind, vector.number, vector.comment, one.answer, one.told) for vector, one in found]


def test_every_invalid_vector_is_refused_and_every_valid_one_served(played: dict[Vector, Played]) -> None:
    wrong = []
    for vector, one in played.items():
        good = (vector.is_valid or vector.number in SAME_AS_VALID) and vector.number not in NOT_SUPPORTED
        if (one.answer.status == 200) is not (good and vector.kind == "jws") or one.answer.status not in (200, 401):
            wrong.append((vector, one))
    assert _told(wrong) == []


def test_every_invalid_vector_has_a_finding(played: dict[Vector, Played]) -> None:
    silent = [
        (vector, one)
        for vector, one in played.items()
        if not one.told and not (vector.is_valid and vector.kind == "jws") and vector.number not in SAME_AS_VALID
    ]
    assert {vector.number for vector, _ in silent if vector.kind == "jws"} == OPAQUE.keys(), _told(silent)
    assert [vector.number for vector, _ in silent if vector.kind == "jwe"] == []


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        (range(386, 402), _RANGE),
        ((379, 380, 385), {"ecdsa_length"}),
        ((381, 382, 383, 384), _RANGE | {"ecdsa_length"}),
        ((*range(360, 367), 368, 369, 371, 374, 375), _BASE64),
        ((17,), {"json_serialization"}),
        ((16, *range(341, 345)), _NONE),
        ((31, *range(331, 341)), _ALGORITHM),
        ((32,), {"embedded_jwk"}),
        ((3, 20, 35), {"null_signature"}),
        ((4, 7, 9, 10, 11), {"missing_separator"}),
        ((14, 15), {"extra_segments"}),
    ],
)
def test_vectors_are_named_for_what_they_are(
    played: dict[Vector, Played], numbers: Sequence[int], names: set[str]
) -> None:
    chosen = [(vector, one) for vector, one in played.items() if vector.kind == "jws" and vector.number in numbers]
    assert len(chosen) == len(numbers)
    assert _told([(vector, one) for vector, one in chosen if names.isdisjoint(one.told)]) == []


def test_encrypted_vectors_are_named_as_such(played: dict[Vector, Played]) -> None:
    wrong = [(vector, one) for vector, one in played.items() if vector.kind == "jwe" and _is_unnamed(one.told)]
    assert len(played) == 540
    assert _told(wrong) == []


def _is_unnamed(told: Sequence[str]) -> bool:
    return not any(
        name.startswith(("jwe_", "json_", "missing_", "extra_", "base64_", "alg_", "header_")) for name in told
    )
