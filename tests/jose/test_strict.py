from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfa_middleware.jose.strict import PROOF, TOKEN, Malformed, decode_segment, parse_object, split_compact
from tests.helpers.keys import b64

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def refuses(raw: bytes, **options: Any) -> bool:
    try:
        parse_object(raw, **options)
    except Malformed:
        return True
    return False


def nested(depth: int) -> bytes:
    """An object of this depth, the object itself included."""
    return b'{"a":' + b"[" * (depth - 1) + b"1" + b"]" * (depth - 1) + b"}" if depth > 1 else b'{"a":1}'


class TestBase64:
    @given(st.binary(max_size=200))
    def test_what_was_encoded_is_decoded(self, raw: bytes) -> None:
        assert decode_segment(b64(raw).encode()) == raw

    @pytest.mark.parametrize("length", [1, 2])
    def test_each_octet_string_has_exactly_one_spelling(self, length: int) -> None:
        last = ALPHABET if length == 1 else "AEIMQUYcgkosw048BCD"
        spellings = (
            f"{'A' * (length - 1)}{a}{b}".encode() for a in ALPHABET for b in (ALPHABET if length == 1 else last)
        )
        accepted = []
        for spelling in spellings:
            try:
                accepted.append(decode_segment(spelling))
            except Malformed:
                continue
        assert len(accepted) == len(set(accepted)) > 0

    @pytest.mark.parametrize(
        "segment",
        [
            b"A",
            b"AAAAA",
            b"AA==",
            b"AA=",
            b"QQ==",
            b"A+A",
            b"A/A",
            b"AAA ",
            b" AAA",
            b"A\nAA",
            b"AAA\n",
            b"AA\x00A",
            b"\xc3\xa9AA",
            b"QR",
            b"QUF",
            b"AAB",
            b"A.AA",
            b"=",
            b"AA%3D",
        ],
    )
    def test_other_spellings_are_refused(self, segment: bytes) -> None:
        with pytest.raises(Malformed):
            decode_segment(segment)

    def test_a_lenient_decoder_would_have_taken_them(self) -> None:
        assert urlsafe_b64decode("QQ==") == urlsafe_b64decode("QR==") == b"A"


class TestCompact:
    def test_three_segments_and_what_was_signed(self) -> None:
        compact = split_compact(b"e30.e30.AA")
        assert (compact.header, compact.payload, compact.signature) == (b"e30", b"e30", b"AA")
        assert compact.signing_input == b"e30.e30"

    def test_only_the_payload_may_be_empty(self) -> None:
        assert split_compact(b"e30..AA").payload == b""

    @pytest.mark.parametrize(
        "token",
        [
            b"",
            b".",
            b"..",
            b"e30",
            b"e30.e30",
            b"e30.e30.",
            b".e30.AA",
            b"e30.e30.AA.",
            b"e30.e30.AA.AA",
            b"e30.e30.AA.AA.AA",
            b" e30.e30.AA",
            b"e30.e30.AA ",
            b"e30.e30.AA\n",
            b"e30 .e30.AA",
            b"e30.e3=.AA",
            b"e30.e30.AB",
            b"e31.e30.AA",
            b'{"payload":"e30"}',
            b"e30\x2ee30,AA",
            "e30\uff0ee30\uff0eAA".encode(),
            b"e30.e30.AA\x00",
            b"e30.e30.A+",
        ],
    )
    def test_anything_else_is_refused(self, token: bytes) -> None:
        with pytest.raises(Malformed):
            split_compact(token)


class TestJson:
    def test_an_object_is_read(self) -> None:
        assert parse_object(b'{"a": 1, "b": [true, null, "\\u00e9"], "c": {"d": 1.5}}') == {
            "a": 1,
            "b": [True, None, "é"],
            "c": {"d": 1.5},
        }

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"[]",
            b"1",
            b'"a"',
            b"null",
            b"true",
            b" {}",
            b"\n{}",
            b"{",
            b"{}}",
            b"{}{}",
            b'{"a":1,}',
            b"{'a':1}",
            b"{a:1}",
            b'{"a":1}x',
            b"{}\x00",
            b"{}//",
            b'{"a":01}',
            b'{"a":+1}',
            b'{"a":.5}',
            b'{"a":"\x00"}',
            b'{"a":"\n"}',
            b'{"a":"\\x41"}',
            b'{"a"}',
            b'{"a":}',
            b"{1:2}",
        ],
    )
    def test_anything_but_one_strict_object_is_refused(self, raw: bytes) -> None:
        assert refuses(raw)

    def test_white_space_after_it_is_json(self) -> None:
        assert parse_object(b"{} \t\r\n") == {}

    @pytest.mark.parametrize(
        "raw",
        [b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'{"x":{"a":1,"a":1}}', b'{"x":[{"a":1,"a":1}]}', b'{"":1,"":1}'],
    )
    def test_duplicate_names_are_refused_at_every_level(self, raw: bytes) -> None:
        assert refuses(raw)

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
    def test_only_plain_utf_8_is_read(self, encoding: str) -> None:
        text = '{"a":1}'
        assert json.loads(text.encode(encoding)) == {"a": 1}, "a lenient parser takes it"
        assert refuses(text.encode(encoding))

    @pytest.mark.parametrize(
        "string",
        [
            b"\xff",
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xc3",
            b"\\ud800",
            b"\\udc00",
            b"\\udc00\\ud800",
            b"\\ud800x",
        ],
    )
    def test_text_that_is_not_unicode_is_refused(self, string: bytes) -> None:
        assert refuses(b'{"a":"' + string + b'"}')
        assert refuses(b'{"' + string + b'":1}')
        assert refuses(b'{"a":[{"b":"' + string + b'"}]}')

    def test_a_pair_of_surrogates_is_one_character(self) -> None:
        assert parse_object(b'{"a":"\\ud83d\\ude00","b":"\\u0000"}') == {"a": "😀", "b": "\0"}

    @pytest.mark.parametrize("number", [2**53 - 1, -(2**53) + 1, 0, -1])
    def test_integers_below_2_to_the_53_are_read(self, number: int) -> None:
        assert parse_object(b'{"a":%d}' % number) == {"a": number}

    @pytest.mark.parametrize(
        "number", [b"9007199254740992", b"-9007199254740992", b"9" * 18, b"-" + b"9" * 18, b"1" * 4000, b"1" * 12000]
    )
    def test_larger_integers_are_refused(self, number: bytes) -> None:
        assert refuses(b'{"a":' + number + b"}")

    @pytest.mark.parametrize(
        "number", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1e16", b"9007199254740992.0"]
    )
    def test_numbers_that_are_not_finite_or_too_large_are_refused(self, number: bytes) -> None:
        assert refuses(b'{"a":[' + number + b"]}")

    def test_floats_are_read(self) -> None:
        assert parse_object(b'{"a":1.5e3,"b":-0.0,"c":1e-400}') == {"a": 1500.0, "b": 0.0, "c": 0.0}

    @pytest.mark.parametrize(("limits", "depth"), [(PROOF, 5), (TOKEN, 16)])
    def test_depth_is_bounded(self, limits: Any, depth: int) -> None:
        parse_object(nested(depth), limits)
        assert refuses(nested(depth + 1), limits=limits)

    def test_objects_count_as_depth(self) -> None:
        assert refuses(b'{"a":' * 6 + b"1" + b"}" * 6)
        parse_object(b'{"a":' * 5 + b"1" + b"}" * 5)

    def test_brackets_side_by_side_or_in_strings_are_no_depth(self) -> None:
        parse_object(b'{"a":[[],[],[],[],[]],"b":{},"c":"[[[[[[[[[[{{{{{{{{\\"[[[[","d\\\\":[{}]}')

    def test_a_closed_string_hides_no_depth(self) -> None:
        assert refuses(b'{"a\\\\":[[[[[[1]]]]]]}')
        assert refuses(b'{"a":"\\"","b":[[[[[[1]]]]]]}')

    @pytest.mark.parametrize(("limits", "count"), [(PROOF, 32), (TOKEN, 256)])
    def test_members_are_bounded(self, limits: Any, count: int) -> None:
        def with_members(number: int) -> bytes:
            return json.dumps({f"m{index}": index for index in range(number)}).encode()

        assert len(parse_object(with_members(count), limits)) == count
        assert refuses(with_members(count + 1), limits=limits)
        assert refuses(b'{"x":' + with_members(count + 1) + b"}", limits=limits)

    @pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
    def test_a_bomb_of_brackets_is_refused_without_recursion(self, opening: bytes) -> None:
        assert refuses(b'{"a":' + opening * 100_000, limits=TOKEN)

    json_values = st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text() | st.floats(-1e15, 1e15),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=8,
    )

    @given(st.dictionaries(st.text(max_size=8), json_values, max_size=6))
    def test_it_agrees_with_the_standard_library_on_what_it_accepts(self, value: dict[str, Any]) -> None:
        raw = json.dumps(value).encode("utf-8", "surrogatepass")
        try:
            ours = parse_object(raw, TOKEN)
        except Malformed:
            assert _depth(value) > TOKEN.depth or _has_surrogate(value)
        else:
            assert ours == json.loads(raw)

    @settings(max_examples=300)
    @given(st.binary(max_size=60).map(lambda rest: b'{"' + rest) | st.binary(max_size=60))
    def test_any_bytes_are_an_object_or_malformed(self, raw: bytes) -> None:
        try:
            value = parse_object(raw)
        except Malformed:
            return
        assert isinstance(value, dict)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def _has_surrogate(value: Any) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in json.dumps(value, ensure_ascii=False))


def test_the_limits_are_those_of_the_contract() -> None:
    assert (PROOF.depth, PROOF.members) == (5, 32)
