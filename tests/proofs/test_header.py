"""The JOSE header of a proof (RFC 9449 4.2, 4.3 checks 4 to 7)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mfa_middleware.errors import Code
from tests.helpers.bench import Bench
from tests.helpers.keys import key_for, new_rsa
from tests.helpers.proofs import ABSENT, jws, new_jti

DEFAULT = ["ES256", "Ed25519", "EdDSA", "PS256"]
OPT_IN = ["ES384", "RS256", "ML-DSA-44", "ML-DSA-65"]


def code_with(header: dict[str, Any], **settings: Any) -> Code | None:
    bench = Bench(**settings)
    return bench.code(bench.proof(header=header))


class TestTyp:
    @pytest.mark.parametrize("typ", ["dpop+jwt", "DPoP+JWT", "application/dpop+jwt", "Application/DPOP+jwt"])
    def test_dpop_jwt_is_accepted_in_any_case(self, typ: str) -> None:
        assert code_with({"typ": typ}) is None

    @pytest.mark.parametrize(
        "typ",
        [
            ABSENT,
            None,
            "",
            "JWT",
            "jwt",
            "at+jwt",
            "dpop",
            "dpop+jwt ",
            " dpop+jwt",
            "dpop+jwt\0",
            "text/dpop+jwt",
            "application/dpop",
            1,
            ["dpop+jwt"],
            {"dpop+jwt": 1},
            True,
            "dpop+jwt; v=1",
            "d\u200bpop+jwt",
            "\uff44pop+jwt",
        ],
    )
    def test_anything_else_is_malformed(self, typ: Any) -> None:
        assert code_with({"typ": typ}) is Code.MALFORMED_PROOF


class TestAlg:
    @pytest.mark.parametrize("alg", DEFAULT)
    def test_four_names_are_accepted_from_the_start(self, alg: str) -> None:
        assert Bench(key=key_for(alg)).code() is None

    @pytest.mark.parametrize("alg", OPT_IN)
    def test_four_more_are_accepted_where_they_are_opted_in(self, alg: str) -> None:
        assert Bench(key=key_for(alg)).code() in (Code.UNSUPPORTED_ALG, Code.MALFORMED_PROOF)  # by name, or by length
        assert Bench(key=key_for(alg), algorithms=f"ES256, {alg}").code() is None

    def test_what_is_left_out_is_not_accepted(self) -> None:
        assert Bench(algorithms="Ed25519").code() is Code.UNSUPPORTED_ALG

    @pytest.mark.parametrize(
        "alg",
        [
            ABSENT,
            None,
            "",
            "none",
            "NONE",
            "None",
            "HS256",
            "HS384",
            "HS512",
            "ES512",
            "ES256K",
            "PS384",
            "RS384",
            "Ed448",
            "es256",
            "ES256 ",
            " ES256",
            "ES256\0",
            1,
            0,
            True,
            ["ES256"],
            {"ES256": 1},
            "ES256,Ed25519",
            "dir",
            "RSA-OAEP",
        ],
    )
    def test_any_other_is_unsupported(self, alg: Any) -> None:
        assert code_with({"alg": alg}) is Code.UNSUPPORTED_ALG

    @pytest.mark.parametrize(("enrolled", "signed"), [("Ed25519", "EdDSA"), ("EdDSA", "Ed25519")])
    def test_ed25519_is_one_algorithm_under_two_names(self, enrolled: str, signed: str) -> None:
        bench = Bench(key=key_for(signed), machine={"algorithm": enrolled})
        assert bench.code() is None

    def test_a_key_has_the_algorithm_it_was_enrolled_with(self) -> None:
        """The RSA key of a PS256 machine signs RS256, which the app accepts from others."""
        rs256 = new_rsa("RS256")
        bench = Bench(key=new_rsa("PS256"), algorithms="PS256, RS256")
        assert bench.code(bench.proof(key=rs256)) is Code.UNSUPPORTED_ALG
        assert bench.code() is None
        assert bench.code(bench.proof(key=rs256)) is Code.UNSUPPORTED_ALG

    @pytest.mark.parametrize(
        ("alg", "key"),
        [
            ("ES256", "Ed25519"),
            ("ES256", "PS256"),
            ("PS256", "ES256"),
            ("Ed25519", "ES256"),
            ("ES256", "ES384"),
            ("ES384", "ES256"),
        ],
    )
    def test_alg_and_key_are_of_one_kind(self, alg: str, key: str) -> None:
        bench = Bench(key=key_for(key), algorithms="ES256, ES384, Ed25519, PS256")
        assert bench.code(bench.proof(header={"alg": alg})) is Code.MALFORMED_PROOF


class TestJwk:
    @pytest.mark.parametrize(
        "jwk", [ABSENT, None, "", [], {}, "key", 1, [{}], {"kty": "oct", "k": "AAAA"}, {"kty": "EC"}, {"kty": 1}]
    )
    def test_it_is_a_public_key(self, jwk: Any) -> None:
        assert code_with({"jwk": jwk}) is Code.MALFORMED_PROOF

    @pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
    def test_a_private_or_symmetric_member_is_refused(self, member: str) -> None:
        bench = Bench()
        proof = bench.proof(header={"jwk": {**bench.key.jwk, member: "c2VjcmV0LW1lbWJlcg"}})
        decision = bench.check(proof)
        assert decision.refusal is not None
        assert decision.refusal.code is Code.MALFORMED_PROOF
        assert "exposed and must be replaced" in decision.refusal.detail
        assert "c2VjcmV0LW1lbWJlcg" not in decision.refusal.detail

    def test_members_that_mean_nothing_here_are_ignored(self) -> None:
        bench = Bench()
        jwk = {
            **bench.key.jwk,
            "kid": "1",
            "use": "sig",
            "alg": "ES256",
            "key_ops": ["verify"],
            "x5c": ["a"],
            "ext": True,
        }
        assert bench.code(bench.proof(header={"jwk": jwk})) is None

    def test_the_order_of_its_members_does_not_matter(self) -> None:
        bench = Bench()
        assert bench.code(bench.proof(header={"jwk": dict(reversed(bench.key.jwk.items()))})) is None

    def test_another_spelling_of_the_same_point_is_no_key_of_the_machine(self) -> None:
        bench = Bench()
        x = bench.key.jwk["x"]
        last = chr(ord(x[-1]) + 1) if x[-1].isalnum() and x[-1] not in "9Zz" else "B"
        assert bench.code(bench.proof(header={"jwk": {**bench.key.jwk, "x": x + "="}})) is Code.MALFORMED_PROOF
        assert bench.code(bench.proof(header={"jwk": {**bench.key.jwk, "x": x[:-1] + last}})) is Code.UNKNOWN_MACHINE


class TestCriticalAndUnknown:
    @pytest.mark.parametrize(
        "extra",
        [
            {"crit": ["exp"], "exp": 1},
            {"crit": []},
            {"crit": ["b64"], "b64": True},
            {"b64": False},
            {"b64": True},
            {"crit": None},
        ],
    )
    def test_what_must_be_understood_is_refused(self, extra: dict[str, Any]) -> None:
        assert code_with(extra) is Code.MALFORMED_PROOF

    @pytest.mark.parametrize(
        "extra",
        [
            {"kid": "../../dev/null"},
            {"jku": "http://169.254.169.254/"},
            {"x5u": "file:///etc/passwd"},
            {"x5c": ["AA"]},
            {"cty": "JWT"},
            {"zip": "DEF"},
            {"x-vendor": {"a": [1]}},
            {"\u0000": 1},
        ],
    )
    def test_unknown_members_are_ignored_and_nothing_is_fetched(self, extra: dict[str, Any]) -> None:
        assert code_with(extra) is None


class TestStrictReading:
    @pytest.mark.parametrize(
        "header",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"x"',
            b"\xef\xbb\xbf{}",
            "{}".encode("utf-16"),
            b"{}{}",
            b'{"typ":"dpop+jwt","typ":"dpop+jwt"}',
            b'{"a":"\\ud800"}',
            b'{"a":NaN}',
            b'{"a":1e999}',
            b'{"a":9007199254740993}',
            b'{"a":' + b"[" * 6 + b"]" * 6 + b"}",
        ],
    )
    def test_a_header_with_two_readings_is_malformed(self, header: bytes) -> None:
        bench = Bench()
        assert bench.code(jws(bench.key, header, bench.claims())) is Code.MALFORMED_PROOF

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"x"',
            b"\xef\xbb\xbf{}",
            "{}".encode("utf-16-le"),
            b"{}{}",
            b'{"jti":"a","jti":"a"}',
            b'{"jti":"\\udfff"}',
            b'{"iat":1e999}',
            b'{"iat":' + b"1" * 2000 + b"}",
            b'{"a":' + b'{"a":' * 5 + b"1" + b"}" * 6,
        ],
    )
    def test_so_is_a_payload(self, payload: bytes) -> None:
        bench = Bench()
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": bench.key.jwk}
        assert bench.code(jws(bench.key, header, payload)) is Code.MALFORMED_PROOF

    def test_more_than_32_members_are_malformed(self) -> None:
        bench = Bench()
        room = 32 - len(bench.claims()) - 1
        assert bench.code(bench.proof(**{f"x{number}": 1 for number in range(room)})) is None
        assert bench.code(bench.proof(**{f"x{number}": 1 for number in range(room + 1)})) is Code.MALFORMED_PROOF
        assert bench.code(bench.proof(header={f"x{number}": 1 for number in range(30)})) is Code.MALFORMED_PROOF

    def test_a_header_that_was_accepted_once_is_read_as_strictly_the_next_time(self) -> None:
        bench = Bench()
        good = bench.proof()
        assert bench.code(good) is None
        header, payload, signature = good.split(b".")
        for other in (header + b"=", header + b"A", header[:-1], header + b" "):
            assert bench.code(b".".join((other, payload, signature))) is Code.MALFORMED_PROOF


class TestSpelling:
    def variants(self, proof: bytes) -> list[bytes]:
        header, payload, signature = proof.split(b".")
        return [
            b".".join((header, payload, signature + b"=")),
            b".".join((header, payload + b"=", signature)),
            b".".join((header, payload, signature)) + b".",
            b".".join((header, payload)),
            b".".join((header, payload, b"")),
            b".".join((header, b"", signature)),
            b"..",
            b"",
            b".".join((header, payload, signature[:-1] + (b"B" if signature[-1:] != b"B" else b"C"))),
            b".".join((header, payload, signature)).replace(b"-", b"+").replace(b"_", b"/") + b"/",
            proof.replace(b".", b" ."),
            proof.replace(b".", b"\n."),
            b"DPoP " + proof,
            b'"' + proof + b'"',
            b'{"protected":"' + header + b'","payload":"' + payload + b'","signature":"' + signature + b'"}',
        ]

    def test_only_the_canonical_spelling_is_read(self) -> None:
        bench = Bench()
        proof = bench.proof()
        for variant in self.variants(proof):
            assert bench.code(variant) is Code.MALFORMED_PROOF, variant
        assert bench.code(proof) is None

    def test_white_space_around_a_field_value_is_not_part_of_it(self) -> None:
        bench = Bench()
        assert bench.code(b" \t" + bench.proof() + b" ") is None

    @pytest.mark.parametrize("other", [b"\r", b"\n", b"\v", b"\f", b"\0", b"\xa0", b"\x85"])
    def test_no_other_space_is_taken_away(self, other: bytes) -> None:
        bench = Bench()
        assert bench.code(other + bench.proof()) is Code.MALFORMED_PROOF
        assert bench.code(bench.proof() + other) is Code.MALFORMED_PROOF


class TestSize:
    @pytest.mark.parametrize(("algorithms", "limit"), [("ES256", 4_096), ("ES256, ML-DSA-44", 12_288)])
    def test_proofs_up_to_the_limit_are_read_and_no_longer_ones(self, algorithms: str, limit: int) -> None:
        bench = Bench(algorithms=algorithms)
        room = (limit - len(bench.proof(x="", jti=new_jti(), header={"kid": ""}))) * 3 // 4
        lengths = set()
        for size, kid in itertools.product(range(room - 6, room + 6), ("", "k", "kk")):
            sent = bench.proof(x="A" * size, jti=new_jti(), header={"kid": kid})
            lengths.add(len(sent))
            assert bench.code(sent) is (None if len(sent) <= limit else Code.MALFORMED_PROOF)
        assert {limit - 1, limit, limit + 1} <= lengths

    def test_the_largest_ml_dsa_proof_fits(self) -> None:
        bench = Bench(key=key_for("ML-DSA-65"), algorithms="ML-DSA-65")
        proof = bench.proof(x="A" * 256)
        assert 4_096 < len(proof) < 12_288
        assert bench.code(proof) is None


class TestTwoProofs:
    def test_no_proof_is_missing(self) -> None:
        bench = Bench()
        decision = bench.decide(bench.request())
        assert not decision.allowed
        assert decision.refusal is not None
        assert decision.refusal.code is Code.MISSING_PROOF

    def test_two_lines_are_refused_as_asgi_gives_them(self) -> None:
        bench = Bench()
        proof = bench.proof()
        assert bench.code(proof, bench.proof()) is Code.MALFORMED_PROOF
        assert bench.code(proof, proof) is Code.MALFORMED_PROOF
        assert bench.code(proof, b"") is Code.MALFORMED_PROOF
        assert bench.code(proof) is None

    @pytest.mark.parametrize("joint", [b",", b", ", b" , "])
    def test_two_lines_are_refused_as_wsgi_joins_them(self, joint: bytes) -> None:
        bench = Bench()
        proof = bench.proof()
        assert bench.code(proof + joint + bench.proof()) is Code.MALFORMED_PROOF
        assert bench.code(proof + joint) is Code.MALFORMED_PROOF
        assert bench.code(joint + proof) is Code.MALFORMED_PROOF
        assert bench.code(proof) is None
