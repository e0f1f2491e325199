from __future__ import annotations

import json
import threading
from typing import Any

import jwt
import pytest
from jwt.utils import base64url_decode

from mfa_middleware.firewall.keys import KeyRing
from mfa_middleware.firewall.verification import Expected, Reason, Verification, Verifier
from mfa_middleware.jose.jwk import b64url
from mfa_middleware.testing import FrozenClock

from .keys.material import (
    ALGORITHMS,
    NOW,
    jwk_of,
    jwks_of,
    pem_of,
    private_key,
    ring_of,
    secret_jwk,
    token_of,
)

HMAC = ["HS256", "HS384", "HS512"]
SECRET = base64url_decode(secret_jwk(64)["k"])


def verifier(*items: Any, expected: Expected | None = None, clock: FrozenClock | None = None, **more: Any) -> Verifier:
    clock = clock or FrozenClock(NOW)
    return Verifier(ring_of(*items, clock=clock, **more), expected, clock=clock)


def es256(claims: dict[str, Any] | None = None, **header: Any) -> bytes:
    return token_of(private_key("ES256"), "ES256", claims, header)


def check(claims: dict[str, Any], **expected: Any) -> Verification:
    """A token with these claims by the registered key."""
    return verifier(pem_of(private_key("ES256")), expected=Expected(**expected)).verify(es256(claims))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_honest_token_verifies(algorithm: str) -> None:
    claims = {"iss": "i", "aud": ["a", "b"], "exp": NOW + 60.5, "nested": {"x": [1]}}
    token = token_of(private_key(algorithm), algorithm, claims)
    outcome = verifier(jwk_of(private_key(algorithm), alg=algorithm)).verify(token)
    assert outcome.claims == claims
    assert (outcome.is_verified, outcome.is_signed, outcome.reason) == (True, True, None)
    assert outcome.key is not None
    assert outcome.key.algorithm == algorithm


@pytest.mark.parametrize("algorithm", HMAC)
def test_a_secret_of_the_app_itself_verifies(algorithm: str) -> None:
    token = jwt.encode({"sub": "a"}, SECRET, algorithm).encode()
    assert verifier(secret_jwk(64, alg=algorithm)).verify(token).claims == {"sub": "a"}
    others = [other for other in HMAC if other != algorithm]
    for other in others:
        assert verifier(secret_jwk(64, alg=other)).verify(token).reason is Reason.ALGORITHM


@pytest.mark.parametrize("name", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("written", ["EdDSA", "Ed25519", None])
def test_both_names_of_ed25519_verify(name: str, written: str | None) -> None:
    jwk = jwk_of(private_key("Ed25519")) | ({"alg": written} if written else {})
    assert verifier(jwk).verify(token_of(private_key("Ed25519"), name)).is_verified


def test_ml_dsa_verifies_where_it_is_there() -> None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    private = mldsa.MLDSA44PrivateKey.generate()
    jwk = {"kty": "AKP", "alg": "ML-DSA-44", "pub": b64url(private.public_key().public_bytes_raw())}
    parts = ".".join(b64url(json.dumps(part).encode()) for part in ({"alg": "ML-DSA-44"}, {"sub": "a"}))
    token = f"{parts}.{b64url(private.sign(parts.encode()))}".encode()
    assert verifier(jwk).verify(token).claims == {"sub": "a"}
    assert verifier(jwk).verify(token[:-4] + b"AAAA").reason is Reason.SIGNATURE


def test_claims_are_read_only() -> None:
    claims: Any = check({"sub": "a"}).claims
    with pytest.raises(TypeError):
        claims["sub"] = "b"


def test_a_changed_token_does_not_verify() -> None:
    token = es256()
    header, payload, signature = token.split(b".")
    other = b64url(json.dumps({"sub": "other"}).encode()).encode()
    both = verifier(pem_of(private_key("ES256")))
    assert both.verify(b".".join((header, other, signature))).reason is Reason.SIGNATURE
    assert both.verify(b".".join((header, payload, signature[:-4] + b"AAAA"))).reason is Reason.SIGNATURE


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token + b"=",
        lambda token: token.replace(b".", b"=.", 1),
        lambda token: b" " + token,
        lambda token: token + b"\n",
        lambda token: token + b".",
        lambda token: token.rpartition(b".")[0],
        lambda token: token.rpartition(b".")[0] + b".",
        lambda token: b"",
        lambda token: b".",
        lambda token: token * 100,
        lambda token: b64url(b'{"alg":"ES256","alg":"ES256"}').encode() + token[token.index(b".") :],
        lambda token: b64url(b'\xef\xbb\xbf{"alg":"ES256"}').encode() + token[token.index(b".") :],
    ],
)
def test_what_has_no_strict_reading_does_not_verify(change: Any) -> None:
    outcome = verifier(pem_of(private_key("ES256"))).verify(change(es256()))
    assert (outcome.reason, outcome.is_signed) == (Reason.MALFORMED, False)


@pytest.mark.parametrize("more", [{"crit": ["b64"], "b64": True}, {"crit": []}, {"crit": ["exp"]}, {"b64": True}])
def test_critical_headers_are_not_supported(more: dict[str, Any]) -> None:
    parts = ".".join(b64url(json.dumps(part).encode()) for part in ({"alg": "ES256"} | more, {"sub": "a"}))
    scheme = jwt.get_algorithm_by_name("ES256")
    token = f"{parts}.{b64url(scheme.sign(parts.encode(), private_key('ES256')))}".encode()
    assert verifier(pem_of(private_key("ES256"))).verify(token).reason is Reason.CRITICAL


@pytest.mark.parametrize("alg", [None, "none", "None", "HS256", "ES384", "es256", "ES256 ", 256, ["ES256"], True, {}])
def test_only_the_algorithm_of_a_registered_key_counts(alg: Any) -> None:
    payload, signature = es256().split(b".")[1:]
    header = b64url(json.dumps({"alg": alg}).encode()).encode()
    outcome = verifier(pem_of(private_key("ES256"))).verify(b".".join((header, payload, signature)))
    assert outcome.reason is Reason.ALGORITHM


def test_a_public_key_is_no_secret() -> None:
    """PyJWT would not take this key either; the algorithm never gets that far."""
    pem = pem_of(private_key("RS256"))
    token = jwt.PyJWS().encode(b"{}", b"x" * 32, "HS256").encode()
    assert verifier(pem).verify(token).reason is Reason.ALGORITHM


def test_rsa_keys_have_one_algorithm() -> None:
    token = token_of(private_key("RS256"), "PS256", header={"kid": "a"})
    jwks = jwks_of(
        jwk_of(private_key("RS256"), kid="a", alg="RS256"), jwk_of(private_key("RS256", 1), kid="b", alg="PS256")
    )
    assert verifier(jwks).verify(token).reason is Reason.ALGORITHM_OF_KEY
    assert verifier(jwk_of(private_key("RS256"), alg="RS256")).verify(token).reason is Reason.ALGORITHM


class TestTheKeyOfAToken:
    JWKS = staticmethod(
        lambda: jwks_of(
            jwk_of(private_key("RS256", 0), kid="a"),
            jwk_of(private_key("RS256", 1), kid="b"),
            jwk_of(private_key("ES256"), kid="c"),
        )
    )

    def reason(self, *items: str, by: int = 0, **header: Any) -> Reason | None:
        return verifier(*items).verify(token_of(private_key("RS256", by), "RS256", header=header)).reason

    def test_a_kid_names_it(self) -> None:
        assert self.reason(self.JWKS(), kid="a") is None
        assert self.reason(self.JWKS(), by=1, kid="b") is None

    def test_no_other_key_is_tried(self) -> None:
        assert self.reason(self.JWKS(), kid="b") is Reason.SIGNATURE

    def test_an_unknown_kid_names_none(self) -> None:
        assert self.reason(self.JWKS(), kid="z") is Reason.UNKNOWN_KEY
        assert self.reason(self.JWKS(), kid="") is Reason.UNKNOWN_KEY

    def test_without_a_kid_the_only_fitting_key_counts(self) -> None:
        assert self.reason(self.JWKS()) is Reason.AMBIGUOUS_KEY
        assert verifier(self.JWKS()).verify(es256()).is_verified

    def test_a_key_without_a_kid_is_for_every_token_whose_kid_is_unknown(self) -> None:
        pem = pem_of(private_key("RS256"))
        for header in ({}, {"kid": "whatever"}):
            assert self.reason(pem, **header) is None
            assert self.reason(self.JWKS().replace('"a"', '"x"'), pem_of(private_key("RS256", 2)), **header) is not None

    def test_an_old_and_a_new_key_without_a_kid_may_overlap(self) -> None:
        pems = [pem_of(private_key("RS256", number)) for number in (0, 1)]
        assert [self.reason(*pems, by=number) for number in range(3)] == [None, None, Reason.SIGNATURE]
        assert self.reason(*pems, by=2, kid="z") is Reason.UNKNOWN_KEY

    def test_a_key_without_a_kid_goes_by_its_thumbprint(self) -> None:
        ring = ring_of(*(pem_of(private_key("RS256", number)) for number in (0, 1)))
        first, second = ring.current().keys
        token = token_of(private_key("RS256", 0), "RS256", header={"kid": first.thumbprint})
        assert Verifier(ring, clock=FrozenClock(NOW)).verify(token).key is first
        token = token_of(private_key("RS256", 0), "RS256", header={"kid": second.thumbprint})
        assert Verifier(ring).verify(token).reason is Reason.SIGNATURE

    @pytest.mark.parametrize("kid", [0, None, [], {"a": 1}, True])
    def test_a_kid_is_text(self, kid: Any) -> None:
        parts = [{"alg": "RS256", "kid": kid}, {}]
        token = ".".join([*(b64url(json.dumps(part).encode()) for part in parts), "AAAA"]).encode()
        assert verifier(self.JWKS()).verify(token).reason is Reason.KID_TYPE


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({}, None),
        ({"exp": NOW - 29}, None),
        ({"exp": NOW - 30}, Reason.EXPIRED),
        ({"exp": 0}, Reason.EXPIRED),
        ({"nbf": NOW + 30}, None),
        ({"nbf": NOW + 31}, Reason.NOT_YET),
        ({"iat": NOW + 30.0}, None),
        ({"iat": NOW + 31}, Reason.NOT_YET),
        ({"iat": 0}, None),
        *(({name: value}, Reason.CLAIM_TYPE) for name in ("exp", "nbf", "iat") for value in ("1", True, None, [], {})),
        *(({name: value}, Reason.CLAIM_TYPE) for name in ("iss", "sub", "jti") for value in (1, None, ["a"], {})),
        *(({"aud": value}, Reason.CLAIM_TYPE) for value in (1, None, {"a": 1}, ["a", 1], [["a"]])),
    ],
)
def test_registered_claims_have_their_type_and_time(claims: dict[str, Any], reason: Reason | None) -> None:
    outcome = check(claims)
    assert outcome.reason is reason
    assert outcome.is_signed
    assert outcome.is_verified is (reason is None)


@pytest.mark.parametrize(
    ("iss", "reason"),
    [
        ("https://a.example", None),
        ("https://a.example/", Reason.ISSUER),
        ("https://a.example.evil", Reason.ISSUER),
        ("https://a.exampl", Reason.ISSUER),
        ("HTTPS://a.example", Reason.ISSUER),
        ("", Reason.ISSUER),
        (None, Reason.ISSUER),
    ],
)
def test_the_issuer_is_compared_as_it_is(iss: str | None, reason: Reason | None) -> None:
    claims = {} if iss is None else {"iss": iss}
    assert check(claims, issuers=frozenset({"https://a.example", "b"})).reason is reason


@pytest.mark.parametrize(
    ("aud", "reason"),
    [
        ("api", None),
        (["other", "api"], None),
        ("API", Reason.AUDIENCE),
        ("api2", Reason.AUDIENCE),
        (["ap", "i"], Reason.AUDIENCE),
        ([], Reason.AUDIENCE),
        (None, Reason.AUDIENCE),
    ],
)
def test_the_audience_is_one_of_this_app(aud: Any, reason: Reason | None) -> None:
    claims = {} if aud is None else {"aud": aud}
    assert check(claims, audiences=frozenset({"api", "second"})).reason is reason


@pytest.mark.parametrize("payload", [b"", b"[]", b"1", b'"a"', b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":"\\ud800"}'])
def test_a_payload_that_is_no_strict_object_has_no_claims(payload: bytes) -> None:
    token = jwt.PyJWS().encode(payload, private_key("ES256"), "ES256").encode()
    outcome = verifier(pem_of(private_key("ES256"))).verify(token)
    assert (outcome.reason, outcome.is_signed, outcome.claims) == (Reason.PAYLOAD, True, None)


def test_without_keys_nothing_verifies() -> None:
    ring = ring_of("https://issuer.example/jwks")
    assert Verifier(ring).verify(es256()).reason is Reason.NO_KEYS


def test_nothing_of_the_token_is_told() -> None:
    claims = {"iss": "told-issuer", "sub": "told-subject", "aud": "told-audience", "exp": 1}
    for expected in ({}, {"issuers": frozenset({"a"})}, {"audiences": frozenset({"a"})}):
        outcome = check(claims, leeway=1e12, **expected)
        assert "told" not in repr(outcome)


class Counting(KeyRing):
    """A ring that counts how often it is asked for a kid that is missing."""

    missing = 0

    def kid_missing(self) -> None:
        self.missing += 1


def test_only_an_unknown_kid_asks_for_new_keys() -> None:
    ring = ring_of(jwk_of(private_key("ES256"), kid="a"))
    ring.__class__ = Counting
    assert isinstance(ring, Counting)
    for kid, missing in (("a", 0), ("b", 1), ("c", 2)):
        Verifier(ring, clock=FrozenClock(NOW)).verify(es256(kid=kid))
        assert ring.missing == missing


class TestMemory:
    @staticmethod
    def counted(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
        from mfa_middleware.firewall.verification import verifier as module

        seen: list[bytes] = []
        real = module.is_signed_by

        def is_signed_by(token: bytes, *rest: Any) -> bool:
            seen.append(token)
            return real(token, *rest)

        monkeypatch.setattr(module, "is_signed_by", is_signed_by)
        return seen

    def test_a_verified_token_is_verified_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen, checked = self.counted(monkeypatch), verifier(pem_of(private_key("ES256")))
        token = es256()
        assert {id(checked.verify(token)) for _ in range(9)} == {id(checked.verify(token))}
        assert seen == [token]

    def test_a_token_that_did_not_verify_is_not_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen, checked = self.counted(monkeypatch), verifier(pem_of(private_key("ES256")))
        token = es256()[:-4] + b"AAAA"
        assert [checked.verify(token).reason for _ in range(2)] == [Reason.SIGNATURE] * 2
        assert len(seen) == 2

    def test_it_ends_when_the_token_does(self) -> None:
        clock = FrozenClock(NOW)
        checked = verifier(pem_of(private_key("ES256")), clock=clock)
        token = es256({"exp": NOW + 100})
        for step, reason in ((0, None), (129.5, None), (1, Reason.EXPIRED)):
            clock.advance(step)
            assert checked.verify(token).reason is reason

    def test_a_token_without_an_end_is_verified_again_after_five_minutes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen, clock = self.counted(monkeypatch), FrozenClock(NOW)
        checked = verifier(pem_of(private_key("ES256")), clock=clock)
        for step in (0, 299, 2):
            clock.advance(step)
            assert checked.verify(es256({}) if not seen else seen[0]).is_verified
        assert len(seen) == 2

    def test_it_ends_when_the_keys_change(self, tmp_path: Any) -> None:
        clock, path = FrozenClock(NOW), tmp_path / "key.pem"
        path.write_text(pem_of(private_key("ES256")))
        ring = ring_of(str(path), clock=clock)
        checked, token = Verifier(ring, clock=clock), es256()
        assert checked.verify(token).is_verified
        path.write_text(pem_of(private_key("ES384")))
        clock.advance(5)
        ring.poll()
        assert checked.verify(token).reason is Reason.ALGORITHM

    def test_it_is_bounded_by_the_text_it_holds(self) -> None:
        clock = FrozenClock(NOW)
        checked = Verifier(ring_of(pem_of(private_key("ES256"))), clock=clock, cache_bytes=20_000)
        for number in range(20):
            assert checked.verify(es256({"sub": str(number), "long": "x" * 5_000})).is_verified
        assert checked._cache.currsize <= 20_000
        assert 1 <= len(checked._cache) <= 3

    def test_it_is_by_all_of_the_token(self) -> None:
        """(r, n - s) is another token, with a good signature of its own; a wrong one next to it stays wrong."""
        checked = verifier(pem_of(private_key("ES256")))
        token = es256()
        assert checked.verify(token).is_verified
        assert not checked.verify(token[:-1] + (b"A" if token[-1:] != b"A" else b"Q")).is_verified

    def test_threads_may_share_it(self) -> None:
        checked = Verifier(ring_of(pem_of(private_key("ES256"))), clock=FrozenClock(NOW), cache_bytes=20_000)
        tokens = [es256({"sub": str(number), "long": "x" * 5_000}) for number in range(8)]
        outcomes: list[Any] = []

        def work() -> None:
            for _ in range(20):
                outcomes.extend((checked.verify(token).claims or {}).get("sub") for token in tokens)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == sorted([str(number) for number in range(8)] * 80)


@pytest.mark.parametrize("length", [100, 8_000])
def test_tokens_of_any_length_are_held_against_the_same_key(length: int) -> None:
    claims = {"x": "a" * length}
    good, other = es256(claims), token_of(private_key("ES256K"), "ES256K", claims)
    checked = verifier(pem_of(private_key("ES256")))
    assert checked.verify(good).claims == claims
    changed = good[:-20] + (b"A" if good[-20:-19] != b"A" else b"B") + good[-19:]
    assert not checked.verify(changed).is_verified
    swapped = b".".join([*good.split(b".")[:2], other.split(b".")[2]])
    assert not checked.verify(swapped).is_verified
