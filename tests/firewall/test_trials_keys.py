"""A signature by the token's own key, or by another registered key than the one it names, is named for what it is."""

from __future__ import annotations

import base64
import itertools
import json
import random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from mfa_middleware.firewall import CATALOG
from mfa_middleware.firewall.keys.members import members_of
from mfa_middleware.firewall.trials import Suspect, Trials
from mfa_middleware.jose.jwk import b64url
from mfa_middleware.jose.strict import decode_segment

from .keys.material import ALGORITHMS, certificate_of, jwk_of, jwks_of, pem_of, private_key, ring_of, token_of
from .test_trials_hmac import forged, ids, trials_of

EC_STRANGER = ec.generate_private_key(ec.SECP256R1())
RSA_STRANGER = rsa.generate_private_key(65537, 2048)
SHORT_STRANGER = rsa.generate_private_key(65537, 1024)


def suspect_of(token: bytes) -> Suspect:
    message, _, signature = token.rpartition(b".")
    return Suspect(message, decode_segment(signature), json.loads(decode_segment(message.partition(b".")[0])))


def signed(private: Any, algorithm: str, **header: Any) -> Suspect:
    return suspect_of(token_of(private, algorithm, header=header))


def leaf(private: Any) -> str:
    return base64.b64encode(certificate_of(private).public_bytes(Encoding.DER)).decode()


@pytest.fixture(scope="module")
def trials() -> Trials:
    return trials_of(jwks_of(jwk_of(private_key("RS256"), kid="a", alg="RS256"), jwk_of(private_key("ES256"), kid="b")))


STRANGERS = [
    (EC_STRANGER, "ES256"),
    (RSA_STRANGER, "RS256"),
    (RSA_STRANGER, "PS512"),
    (SHORT_STRANGER, "RS256"),
    (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    *((private_key(algorithm), algorithm) for algorithm in ("ES384", "ES512", "ES256K", "Ed25519", "Ed448")),
]


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
@pytest.mark.parametrize(("private", "algorithm"), STRANGERS)
def test_the_jwk_of_the_header_is_confirmed(trials: Trials, private: Any, algorithm: str) -> None:
    jwk = members_of(private.public_key())
    for more in ({}, {"use": "sig", "kid": "z"}, {"d": "AAAA"}, {"use": "enc"}, {"alg": "none"}):
        assert ids(trials.confirm(signed(private, algorithm, jwk=jwk | more), "a")) == ["embedded_jwk"]


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
@pytest.mark.parametrize(("private", "algorithm"), STRANGERS)
def test_the_leaf_of_the_header_is_confirmed(trials: Trials, private: Any, algorithm: str) -> None:
    for chain in ([leaf(private)], [leaf(private), "AAAA"], leaf(private)):
        found = trials.confirm(signed(private, algorithm, x5c=chain, kid="a"), "a")
        assert ids(found) == ["x5c_injection"]


def test_a_jwk_that_takes_the_kid_of_a_registered_key_is_a_graft_too(trials: Trials) -> None:
    jwk = jwk_of(EC_STRANGER)
    for header in ({"kid": "a", "jwk": jwk}, {"jwk": jwk | {"kid": "b"}}, {"kid": "x", "jwk": jwk | {"kid": "a"}}):
        assert ids(trials.confirm(signed(EC_STRANGER, "ES256", **header), "a")) == ["embedded_jwk", "jwk_kid_graft"]


def test_a_symmetric_jwk_of_the_header_is_confirmed(trials: Trials) -> None:
    secret = b"a secret that only this token knows"
    for k in (b64url(secret), base64.urlsafe_b64encode(secret).decode()):
        assert ids(trials.confirm(forged(secret, jwk={"kty": "oct", "k": k}), "a")) == ["embedded_jwk"]
        found = trials.confirm(forged(secret, jwk={"kty": "oct", "k": k}, kid="a"), "a")
        assert ids(found) == ["embedded_jwk", "jwk_kid_graft"]
    literal = forged(b64url(secret).encode(), jwk={"kty": "oct", "k": b64url(secret)})
    assert ids(trials.confirm(literal, "a")) == ["embedded_jwk"]


def test_every_proof_is_told(trials: Trials) -> None:
    jwk = {"kty": "oct", "k": b64url(b"secret")}
    assert ids(trials.confirm(forged(b"secret", jwk=jwk), "a")) == ["embedded_jwk", "weak_hmac"]


def test_a_jwk_that_did_not_sign_is_not_confirmed(trials: Trials) -> None:
    other = jwk_of(ec.generate_private_key(ec.SECP256R1()))
    assert trials.confirm(signed(EC_STRANGER, "ES256", jwk=other), "a") == ()
    assert trials.confirm(signed(EC_STRANGER, "ES256", x5c=[leaf(RSA_STRANGER)]), "a") == ()
    assert trials.confirm(signed(EC_STRANGER, "ES256"), "a") == ()


def test_a_registered_key_in_the_header_is_no_stranger(trials: Trials) -> None:
    private = private_key("ES256")
    for header in ({"jwk": jwk_of(private)}, {"x5c": [leaf(private)]}, {"jwk": jwk_of(private), "kid": "b"}):
        assert trials.confirm(signed(private, "ES256", **header), "a") == ()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_by_another_registered_key_is_confirmed(algorithm: str) -> None:
    mine, other = private_key(algorithm, 0), private_key("ES256" if algorithm == "RS256" else "RS256", 1)
    items = jwk_of(mine, kid="mine", alg=algorithm), jwk_of(other, kid="other")
    (found,) = trials_of(*items).confirm(signed(mine, algorithm, kid="other"), "a") or ()
    assert found.id == "kid_cross_tenant"
    assert "kid 'mine'" in found.detail


def test_a_kid_that_is_unknown_or_right_tells_nothing() -> None:
    items = [jwk_of(private_key("RS256", number), kid=str(number)) for number in range(3)]
    suspect = signed(private_key("RS256"), "RS256")
    for kid in ("z", "0", 7, None, ["1"]):
        other = Suspect(suspect.signing_input, suspect.signature, {"alg": "RS256", "kid": kid})
        assert trials_of(*items).confirm(other, "a") == ()


def test_of_more_keys_than_a_token_may_cost_each_is_tried_in_its_turn() -> None:
    privates = [ec.generate_private_key(ec.SECP384R1()) for _ in range(6)]
    trials = trials_of(*(jwk_of(private, kid=str(number)) for number, private in enumerate(privates)))
    suspect = signed(privates[5], "ES384", kid="0")
    found = [ids(trials.confirm(suspect, "a")) for _ in range(10)]
    assert ["kid_cross_tenant"] in found
    assert [] in found


JUNK = [
    None, 0, "", "x", [], {}, [None], [0], [""], ["!!"], ["é"], ["A" * 9_000], {"kty": "EC"}, {"kty": 7},
    {"kty": ["EC"]},
    {"kty": "oct"}, {"kty": "oct", "k": 7}, {"kty": "oct", "k": ""}, {"kty": "oct", "k": "é"},
    {"kty": "oct", "k": "A" * 9_000}, {"kty": "EC", "crv": "P-256", "x": "A", "y": "A"},
    {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}, {"kty": "EC", "crv": ["P-256"], "x": "AA", "y": "AA"},
    {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"}, {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43},
    {"kty": "OKP", "crv": "X25519", "x": "A" * 43}, {"kty": "RSA", "n": "AA", "e": "AQ"},
    {"kty": "RSA", "n": "_" * 342, "e": "AQ"}, {"kty": "RSA", "n": "A" * 342, "e": "AQAB"},
    {"kty": "RSA", "n": "_" * 8_000, "e": "AQAB"}, {"kty": "RSA", "n": "_" * 342, "e": "_" * 342},
    {"kty": "RSA", "n": "_" * 341 + "g", "e": "AQAB"}, {"kty": "RSA", "n": "A===", "e": "===="},
    {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}, {"kty": "AKP", "alg": "X", "pub": "AA"},
    [base64.b64encode(b"0\x82\xff\xff").decode()], [leaf(EC_STRANGER)[:100]],
]  # fmt: skip


@pytest.mark.parametrize("name", ["jwk", "x5c"])
def test_junk_in_the_place_of_a_key_does_no_harm(trials: Trials, name: str) -> None:
    lengths = (0, 1, 32, 48, 64, 96, 132, 256, 512, 2420)
    algorithms = ("RS256", "PS256", "ES256", "ES512", "EdDSA", "HS256", "ML-DSA-44", "none", None, 7)
    for junk, length, alg in itertools.product(JUNK, lengths, algorithms):
        header = {"alg": alg, name: junk, "kid": "a"}
        assert trials.confirm(Suspect(b"a.b", b"\1" * length, header), "a") == ()


def test_no_honest_token_is_confirmed() -> None:
    """Whatever else is wrong with it: out of date, for others, of an unknown issuer, or cut short."""
    own = [private_key(algorithm) for algorithm in ALGORITHMS]
    foreign = [EC_STRANGER, RSA_STRANGER]
    trials = trials_of(*(pem_of(private) for private in (own[0], own[6], own[10])), jwk_of(own[7], kid="k"))
    for private, algorithm in [*zip(own, ALGORITHMS, strict=True), *zip(foreign, ("ES256", "PS384"), strict=True)]:
        for header in ({}, {"kid": "unknown"}, {"x5t": "AAAA"}, {"x5t#S256": "AAAA", "typ": "at+jwt"}):
            for cut in (0, 1, 8):
                suspect = signed(private, algorithm, **header)
                shorter = Suspect(suspect.signing_input, suspect.signature[cut:], suspect.header)
                assert trials.confirm(shorter, "a") == ()


def test_every_trick_that_is_proven_is_a_row_of_the_catalogue(trials: Trials) -> None:
    suspects = [
        signed(EC_STRANGER, "ES256", jwk=jwk_of(EC_STRANGER), kid="a"),
        signed(EC_STRANGER, "ES256", x5c=[leaf(EC_STRANGER)]),
        signed(private_key("ES256"), "ES256", kid="a"),
        *(forged(secret) for secret in (b"", b"secret", pem_of(private_key("RS256")).encode())),
    ]
    found = {name for suspect in suspects for name in ids(trials.confirm(suspect, "a"))}
    assert len(found) == 7
    assert found <= CATALOG.keys()


def test_without_keys_the_token_still_tells_on_itself() -> None:
    trials = Trials(ring_of())
    assert ids(trials.confirm(signed(EC_STRANGER, "ES256", jwk=jwk_of(EC_STRANGER)), "a")) == ["embedded_jwk"]
    assert ids(trials.confirm(forged(b""), "a")) == ["blank_hmac"]
    assert trials.confirm(signed(EC_STRANGER, "ES256", kid="a"), "a") == ()


def test_damaged_keys_in_the_header_do_no_harm(trials: Trials) -> None:
    chance = random.Random(5)
    ders = [base64.b64decode(leaf(private)) for private, _ in STRANGERS]
    jwks = [members_of(private.public_key()) for private, _ in STRANGERS]
    for _ in range(3_000):
        der, jwk = bytearray(chance.choice(ders)), dict(chance.choice(jwks))
        der[chance.randrange(len(der))] = chance.randrange(256)
        name = chance.choice(list(jwk))
        at = chance.randrange(len(jwk[name]))
        jwk[name] = jwk[name][:at] + chance.choice("AQ_-9z=") + jwk[name][at + 1 :]
        header = {"alg": chance.choice([*ALGORITHMS, "HS256", "none"]), "kid": chance.choice("abc"), "jwk": jwk}
        header["x5c"] = [base64.b64encode(der).decode()]
        signature = chance.randbytes(chance.choice([32, 64, 96, 114, 132, 256]))
        assert trials.confirm(Suspect(b"a.b", signature, header), "a") == ()
