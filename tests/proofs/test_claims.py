"""The claims of a proof (RFC 9449 4.2, 4.3 checks 8 to 12), and `oth`, `htq` and `htd` beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mfa_middleware.errors import Code
from tests.helpers.bench import NOW, ORIGIN, TOKEN, Bench
from tests.helpers.proofs import ABSENT, ath, content_digest, htq, jws, proof

EMPTY = content_digest(b"")


def code_with(
    *, settings: dict[str, Any] | None = None, request: dict[str, Any] | None = None, **claims: Any
) -> Code | None:
    bench = Bench(**(settings or {}))
    return bench.code(bench.proof(**claims), **(request or {}))


class TestJti:
    @pytest.mark.parametrize("jti", ["a", "mmn16lggct", "x" * 256, "é" * 128, "\0", " ", '"\\', "\U0001f600" * 64])
    def test_any_string_of_1_to_256_bytes(self, jti: str) -> None:
        assert code_with(jti=jti) is None

    @pytest.mark.parametrize("jti", [ABSENT, None, "", "x" * 257, "é" * 129, 1, 1.5, True, ["a"], {"a": 1}])
    def test_anything_else_is_malformed(self, jti: Any) -> None:
        assert code_with(jti=jti) is Code.MALFORMED_PROOF

    def test_texts_that_look_alike_are_not_the_same(self) -> None:
        bench = Bench()
        assert [bench.code(bench.proof(jti=jti)) for jti in ("é", "e\u0301", "E\u0301", "a", "A", "a ")] == [None] * 6


class TestHtm:
    @pytest.mark.parametrize("method", ["GET", "POST", "M-SEARCH", "get", "X"])
    def test_it_is_the_method(self, method: str) -> None:
        assert code_with(htm=method, request={"method": method}) is None

    @pytest.mark.parametrize("htm", ["get", "Get", "POST", "GET ", "", "*"])
    def test_case_counts(self, htm: str) -> None:
        assert code_with(htm=htm) is Code.WRONG_TARGET

    @pytest.mark.parametrize("htm", [ABSENT, None, 1, ["GET"], {}])
    def test_what_is_no_text_is_malformed(self, htm: Any) -> None:
        assert code_with(htm=htm) is Code.MALFORMED_PROOF


class TestHtu:
    @pytest.mark.parametrize(
        "htu",
        [
            f"{ORIGIN}/orders/1",
            f"{ORIGIN}/orders/1?a=b#c",
            "HTTPS://API.example.com:443/orders/%31",
            f"{ORIGIN}/orders/../orders/./1",
        ],
    )
    def test_it_is_the_url_of_the_request(self, htu: str) -> None:
        assert code_with(htu=htu) is None

    @pytest.mark.parametrize(
        "htu",
        [
            f"{ORIGIN}/orders/2",
            "http://api.example.com/orders/1",
            "https://evil.example/orders/1",
            "/orders/1",
            "",
            "https://api.example.com@evil.example/orders/1",
            "https://api.example.com\\orders/1",
            f"{ORIGIN}/orders/1\t",
            "https://\uff41pi.example.com/orders/1",
        ],
    )
    def test_another_or_an_obfuscated_one_is_a_wrong_target(self, htu: str) -> None:
        assert code_with(htu=htu) is Code.WRONG_TARGET

    @pytest.mark.parametrize("htu", [ABSENT, None, 1, [f"{ORIGIN}/orders/1"], {}])
    def test_what_is_no_text_is_malformed(self, htu: Any) -> None:
        assert code_with(htu=htu) is Code.MALFORMED_PROOF

    def test_a_refusal_tells_a_verified_caller_what_to_compare(self) -> None:
        bench = Bench()
        decision = bench.check(bench.proof(htu=f"{ORIGIN}/orders/2"))
        assert decision.refusal is not None
        assert decision.refusal.hints["expected_htu"] == f"{ORIGIN}/orders/1"
        assert decision.refusal.hints["signed_htu"] == f"{ORIGIN}/orders/2"


class TestIat:
    @pytest.mark.parametrize("offset", [0, -60, 15, -60.0, 15.0, -59.999, 14.999, 0.5])
    def test_at_most_60_s_old_and_15_s_ahead_both_inclusive(self, offset: float) -> None:
        assert code_with(settings={"nonce": "off"}, iat=NOW + offset) is None

    @pytest.mark.parametrize("offset", [-60.001, 15.001, -61, 16, -3600, 3600, -NOW, -2 * NOW, 2**52])
    def test_outside_it_is_stale(self, offset: float) -> None:
        assert code_with(settings={"nonce": "off"}, iat=NOW + offset) is Code.STALE_PROOF

    @pytest.mark.parametrize("iat", [ABSENT, None, True, False, str(int(NOW)), "", [NOW], {"n": NOW}])
    def test_it_is_a_number_and_neither_a_bool_nor_a_string(self, iat: Any) -> None:
        assert code_with(iat=iat) is Code.MALFORMED_PROOF

    @pytest.mark.parametrize(
        "iat", [b"1e400", b"NaN", b"Infinity", b"-Infinity", b"9" * 4000, b"9007199254740992", b"1e16"]
    )
    def test_it_is_finite_and_below_2_to_the_53(self, iat: bytes) -> None:
        bench = Bench()
        claims = json.dumps(bench.claims(iat=0, jti="a")).encode().replace(b'"iat": 0', b'"iat": ' + iat)
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": bench.key.jwk}
        assert bench.code(jws(bench.key, header, claims)) is Code.MALFORMED_PROOF

    def test_the_measured_offset_is_told(self) -> None:
        bench = Bench(nonce="off")
        decision = bench.check(bench.proof(iat=NOW - 100.26))
        assert decision.refusal is not None
        assert decision.refusal.hints == {"clock_offset": 100.3}

    def test_other_times_are_not_compared(self) -> None:
        assert code_with(exp=1, nbf=NOW + 9999) is None


class TestAth:
    def test_it_is_the_hash_of_the_first_credential_without_its_scheme(self) -> None:
        assert code_with(ath=ath(TOKEN)) is None

    @pytest.mark.parametrize(
        "claim",
        [
            ABSENT,
            None,
            "",
            ath("other"),
            ath(f"DPoP {TOKEN}"),
            ath(TOKEN) + "=",
            ath(TOKEN)[:-1],
            TOKEN,
            1,
            [ath(TOKEN)],
            "é" * 43,
        ],
    )
    def test_anything_else_is_a_wrong_binding(self, claim: Any) -> None:
        assert code_with(ath=claim) is Code.WRONG_BINDING

    def test_the_hash_of_the_credential_is_not_told(self) -> None:
        bench = Bench()
        decision = bench.check(bench.proof(ath=ath("other")))
        assert decision.refusal is not None
        assert not decision.refusal.hints
        assert ath(TOKEN) not in decision.refusal.detail

    def test_without_a_credential_there_is_none(self) -> None:
        bench = Bench(credentials="none")
        assert bench.code(bench.proof(ath=ABSENT), headers=[]) is None
        assert bench.code(bench.proof(), headers=[]) is Code.WRONG_BINDING


class TestOth:
    """Two and three credentials, in headers, cookies and the query."""

    TWO: ClassVar = [(b"authorization", b"Bearer one"), (b"x-api-key", b"two")]

    def code(self, settings: str, headers: list[tuple[bytes, bytes]], query: bytes = b"", **claims: Any) -> Code | None:
        bench = Bench(credentials=settings)
        return bench.code(bench.proof(**claims), headers=headers, query=query)

    def test_a_second_credential_is_bound_under_its_place(self) -> None:
        places = "authorization, x-api-key"
        assert self.code(places, self.TWO, ath=ath("one"), oth={"x-api-key": ath("two")}) is None
        assert self.code(places, self.TWO[::-1], ath=ath("one"), oth={"x-api-key": ath("two")}) is None

    @pytest.mark.parametrize(
        "oth",
        [
            ABSENT,
            {},
            {"x-api-key": ath("one")},
            {"x-api-key": None},
            {"X-API-Key": ath("two")},
            {"authorization": ath("two")},
            {"x-api-key": ath("two"), "authorization": ath("one")},
            None,
            [],
            "two",
            {"x-api-key": [ath("two")]},
        ],
    )
    def test_a_second_credential_that_is_not_bound_is_refused(self, oth: Any) -> None:
        assert self.code("authorization, x-api-key", self.TWO, ath=ath("one"), oth=oth) is Code.WRONG_BINDING

    def test_the_order_is_that_of_the_settings(self) -> None:
        assert (
            self.code("x-api-key, authorization", self.TWO, ath=ath("two"), oth={"authorization": ath("one")}) is None
        )
        assert (
            self.code("x-api-key, authorization", self.TWO, ath=ath("one"), oth={"x-api-key": ath("two")})
            is Code.WRONG_BINDING
        )

    def test_a_credential_that_is_bound_and_not_there_is_refused(self) -> None:
        oth = {"x-api-key": ath("two")}
        assert self.code("authorization, x-api-key", self.TWO[:1], ath=ath("one"), oth=oth) is Code.WRONG_BINDING

    def test_places_that_the_app_does_not_know_are_ignored(self) -> None:
        oth = {"x-api-key": ath("two"), "x-unknown": 1}
        assert self.code("authorization, x-api-key", self.TWO, ath=ath("one"), oth=oth) is None

    def test_three_places_of_three_kinds(self) -> None:
        headers, query = [(b"authorization", b"DPoP one"), (b"cookie", b"a=b; Sid=two")], b"x=1&Token=th%72ee"
        places = "authorization, cookie:Sid, query:Token"
        bound = {"cookie:sid": ath("two"), "query:token": ath("three")}
        assert self.code(places, headers, query, ath=ath("one"), oth=bound) is None
        for place in bound:
            assert (
                self.code(places, headers, query, ath=ath("one"), oth={**bound, place: ath("x")}) is Code.WRONG_BINDING
            )
            rest = {name: value for name, value in bound.items() if name != place}
            assert self.code(places, headers, query, ath=ath("one"), oth=rest) is Code.WRONG_BINDING

    def test_a_cookie_or_a_parameter_may_be_the_first_factor(self) -> None:
        assert self.code("cookie:sid, query:token", [(b"cookie", b"sid=one")], ath=ath("one")) is None
        assert self.code("cookie:sid, query:token", [], b"token=one", ath=ath("one")) is None
        assert self.code("cookie:sid, query:token", [], b"token=two", ath=ath("one")) is Code.WRONG_BINDING

    @pytest.mark.parametrize(
        ("headers", "query"),
        [
            ([(b"authorization", b"Bearer one"), (b"authorization", b"Bearer one")], b""),
            ([(b"authorization", b"Bearer one, Bearer one")], b""),
            ([(b"authorization", b"Bearer one"), (b"x-api-key", b"a"), (b"x-api-key", b"b")], b""),
            ([(b"authorization", b"Bearer one"), (b"x_api_key", b"b")], b""),
            ([(b"authorization", b"Bearer one"), (b"cookie", b"sid=a;sid=b")], b""),
            ([(b"authorization", b"Bearer one")], b"token=a&token=b"),
        ],
    )
    def test_a_place_that_is_given_twice_is_refused(self, headers: list[tuple[bytes, bytes]], query: bytes) -> None:
        places = "authorization, x-api-key, cookie:sid, query:token"
        assert self.code(places, headers, query, ath=ath("one")) is Code.WRONG_BINDING


class TestCnf:
    def bearer(self, jkt: Any, scheme: bytes = b"DPoP") -> tuple[bytes, list[tuple[bytes, bytes]]]:
        token = jws(Bench().key, {"alg": "RS256"}, {"iss": "i", "sub": "s", "cnf": {"jkt": jkt}}, signature=b"sig")
        return token, [(b"authorization", scheme + b" " + token)]

    @pytest.mark.parametrize("scheme", [b"DPoP", b"Bearer"])
    def test_a_bound_token_names_the_key_of_the_proof(self, scheme: bytes) -> None:
        bench = Bench()
        token, headers = self.bearer(bench.key.thumbprint, scheme)
        assert bench.code(bench.proof(ath=ath(token)), headers=headers) is None

    @pytest.mark.parametrize("jkt", ["0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", "", None, 1, ["x"]])
    def test_a_token_bound_to_another_key_is_refused(self, jkt: Any) -> None:
        bench = Bench()
        token, headers = self.bearer(jkt)
        assert bench.code(bench.proof(ath=ath(token)), headers=headers) is Code.WRONG_BINDING

    def test_a_bound_token_as_plain_bearer_is_refused(self) -> None:
        bench = Bench()
        _, headers = self.bearer(bench.key.thumbprint, b"Bearer")
        decision = bench.decide(bench.request(headers=headers))
        assert decision.refusal is not None
        assert decision.refusal.code is Code.MISSING_PROOF


class TestHtq:
    def test_it_is_the_hash_of_the_raw_query(self) -> None:
        for query in (b"", b"q=a%20b", b"q=a+b", b"\xff&&=", b"?"):
            assert code_with(htq=htq(query), request={"query": query}) is None

    @pytest.mark.parametrize("query", [b"q=a%20b", b"q=a", b"", b"q=A"])
    def test_another_query_is_a_wrong_target(self, query: bytes) -> None:
        assert code_with(htq=htq(b"q=a+b"), request={"query": query}) is Code.WRONG_TARGET

    @pytest.mark.parametrize("claim", ["", "x", 1, True, [], {}, htq(b"") + "="])
    def test_junk_is_a_wrong_target(self, claim: Any) -> None:
        assert code_with(htq=claim) is Code.WRONG_TARGET

    def test_it_may_be_demanded(self) -> None:
        demanding = {"settings": {"require_query": True}}
        assert code_with(**demanding) is Code.WRONG_TARGET
        assert code_with(**demanding, htq=None) is Code.WRONG_TARGET
        assert code_with(**demanding, htq=htq(b"")) is None


class TestHtd:
    BODY = b'{"a":1}'

    def code(self, htd: Any, body: bytes = BODY, **settings: Any) -> Code | None:
        bench = Bench(**settings)
        bench.body = body
        return bench.code(bench.proof(htd=htd))

    @pytest.mark.parametrize("name", ["sha-256", "sha-512"])
    def test_it_is_the_content_digest_of_the_body(self, name: str) -> None:
        assert self.code(content_digest(self.BODY, name)) is None
        assert self.code(content_digest(b"", name), b"") is None

    @pytest.mark.parametrize("name", ["sha-256", "sha-512"])
    def test_another_body_is_a_wrong_digest(self, name: str) -> None:
        assert self.code(content_digest(b"x", name)) is Code.WRONG_DIGEST
        assert self.code(content_digest(self.BODY, name), b"") is Code.WRONG_DIGEST

    def test_several_members_must_all_hold(self) -> None:
        good, better = content_digest(self.BODY), content_digest(self.BODY, "sha-512")
        assert self.code(f"{good}, {better}") is None
        assert self.code(f"{better},{good} , {good}") is None
        assert self.code(f"{good}, {content_digest(b'x', 'sha-512')}") is Code.WRONG_DIGEST
        assert self.code(f"{content_digest(b'x')}, {better}") is Code.WRONG_DIGEST
        assert self.code(f"{good}, {content_digest(b'x')}") is Code.WRONG_DIGEST

    def test_algorithms_that_nobody_should_use_do_not_count(self) -> None:
        md5 = "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"
        assert self.code(md5, b"") is Code.WRONG_DIGEST
        assert self.code(f"{md5}, {EMPTY}", b"") is None

    @pytest.mark.parametrize(
        "htd",
        [
            "",
            " ",
            1,
            True,
            [],
            {},
            "sha-256",
            "sha-256=",
            "sha-256=::",
            "sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "x" * 500,
            EMPTY + ",",
            "," + EMPTY,
            EMPTY + ";x",
            EMPTY.replace("=:", "= :"),
            EMPTY.replace("sha-256", "SHA-256"),
            EMPTY.replace("=:", ":"),
            EMPTY[:-1],
            EMPTY.replace("=:", "=:=", 1),
            EMPTY.replace("/", "_"),
            EMPTY + "\0",
            "é" + EMPTY,
        ],
    )
    def test_junk_is_a_wrong_digest(self, htd: Any) -> None:
        assert self.code(htd, b"") is Code.WRONG_DIGEST

    def test_null_is_no_digest(self) -> None:
        assert self.code(None) is Code.WRONG_DIGEST

    def test_a_digest_that_is_repeated_is_computed_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from mfa_middleware.proofs import dpop

        computed: list[str] = []
        digest = dpop._digest
        monkeypatch.setattr(dpop, "_digest", lambda name, body: computed.append(name) or digest(name, body))
        assert self.code(", ".join([EMPTY] * 40), b"") is None
        assert computed == ["sha256"]

    def test_it_may_be_demanded_of_a_request_with_a_body(self) -> None:
        assert self.code(ABSENT, require_body=True) is Code.WRONG_DIGEST
        assert self.code(ABSENT, b"", require_body=True) is None
        assert self.code(content_digest(self.BODY), require_body=True) is None

    def test_the_body_is_read_only_where_it_is_bound_or_demanded(self) -> None:
        bench = Bench(body_limit=77)
        assert bench.code() is None
        assert bench.bodies_read == []
        assert bench.code(bench.proof(htd=EMPTY)) is None
        assert bench.bodies_read == [77]


def test_a_dictionary_that_structured_fields_refuse_is_no_content_digest(structured_fields_root: Path) -> None:
    """RFC 9530 digests are dictionaries of byte sequences: a broken member spoils the good one beside it."""
    broken = [
        vector["raw"][0]
        for vector in json.loads((structured_fields_root / "binary.json").read_text("utf-8"))
        if vector.get("must_fail")
    ]
    assert len(broken) >= 5
    bench = Bench()
    assert bench.code(bench.proof(htd=f"x=:aGVsbG8=:, {EMPTY}")) is None
    for raw in broken:
        assert bench.code(bench.proof(htd=f"x={raw}, {EMPTY}")) is Code.WRONG_DIGEST, raw


@pytest.mark.parametrize(
    "extra", [{"sub": "x"}, {"iss": 1}, {"aud": ["a"]}, {"scope": {"a": [1]}}, {"exp": 0}, {"": ""}]
)
def test_claims_that_mean_nothing_here_are_ignored(extra: dict[str, Any]) -> None:
    bench = Bench()
    assert bench.code(proof(bench.key, bench.claims() | extra)) is None
