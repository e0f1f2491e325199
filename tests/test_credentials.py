from __future__ import annotations

import pytest

from mfa_middleware.credentials import Credential, Places, hash_of
from mfa_middleware.errors import Code, Refusal
from mfa_middleware.http import HeaderRules
from tests.helpers.proofs import ath

RFC9449_TOKEN = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"


def find(places: str, *headers: tuple[bytes, bytes], query: bytes = b"") -> tuple[Credential, ...]:
    read = Places(places.split())
    return read.find(HeaderRules(read.header_names).scan(headers), query)


def tokens(places: str, *headers: tuple[bytes, bytes], query: bytes = b"") -> list[tuple[str, bytes]]:
    return [(one.place, one.token) for one in find(places, *headers, query=query)]


def is_refused(places: str, *headers: tuple[bytes, bytes], query: bytes = b"") -> bool:
    try:
        find(places, *headers, query=query)
    except Refusal as refusal:
        return refusal.code is Code.WRONG_BINDING
    return False


def test_the_hash_that_rfc_9449_prints() -> None:
    assert hash_of(RFC9449_TOKEN) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_the_repr_tells_no_token() -> None:
    (credential,) = find("x-api-key", (b"x-api-key", b"very-secret"))
    assert "very-secret" not in repr(credential)
    assert "x-api-key" in repr(credential)


class TestHeaders:
    def test_every_place_is_looked_at_in_order(self) -> None:
        headers = [(b"x-api-key", b"k"), (b"authorization", b"Bearer t"), (b"x-third", b"z")]
        assert tokens("authorization x-api-key x-absent x-third", *headers) == [
            ("authorization", b"t"),
            ("x-api-key", b"k"),
            ("x-third", b"z"),
        ]

    def test_nothing_is_found_where_nothing_is(self) -> None:
        assert find("authorization x-api-key cookie:sid query:token", (b"accept", b"*/*")) == ()

    @pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"DPoP", b"DPOP", b"Token", b"Bearer "])
    def test_the_scheme_of_authorization_is_not_bound(self, scheme: bytes) -> None:
        (credential,) = find("authorization", (b"authorization", scheme + b" " + RFC9449_TOKEN))
        assert credential.ath == ath(RFC9449_TOKEN)

    def test_without_a_scheme_the_value_is_the_credential(self) -> None:
        assert tokens("authorization", (b"authorization", b"abc")) == [("authorization", b"abc")]

    def test_another_header_has_no_scheme(self) -> None:
        assert is_refused("x-api-key", (b"x-api-key", b"Bearer abc"))

    @pytest.mark.parametrize(
        "value",
        [
            b'Digest username="Mufasa", realm="a, b", response="x\\"y", qc=00000001',
            b"Signature keyId=a,signature=b",
            b'Custom a=1 , b = "2"',
            b"Custom a=",
        ],
    )
    def test_a_scheme_may_have_parameters(self, value: bytes) -> None:
        assert tokens("authorization", (b"authorization", value)) == [("authorization", value.partition(b" ")[2])]

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b" ",
            b"Bearer a b",
            b"Bearer a, Bearer b",
            b"Bearer a,b",
            b"Bearer a,",
            b"Bearer\ta",
            b"Bearer a\tb",
            b"Bearer a\0",
            b"Bearer \xe9",
            b"a,b",
            b"Bearer a\r\nX: y",
            b"Bearer a\xa0",
            b'Digest a="b" c="d"',
            b'Digest a="b", c="',
            b"Digest =a, b=c",
            b"Digest a=b, c=\xa0",
            b"Digest a=b\0, c=d",
            b'Digest a="b\0", c=d',
            b"Bearer a\x7f",
        ],
    )
    def test_a_value_that_may_be_two_credentials_is_refused(self, value: bytes) -> None:
        assert is_refused("authorization", (b"authorization", value))

    def test_two_lines_are_refused_although_they_are_equal(self) -> None:
        assert is_refused("authorization", (b"authorization", b"Bearer a"), (b"authorization", b"Bearer a"))

    def test_an_underscore_twin_is_refused_with_and_without_the_real_header(self) -> None:
        assert is_refused("x-api-key", (b"x_api_key", b"a"))
        assert is_refused("x-api-key", (b"x_api_key", b"a"), (b"x-api-key", b"a"))

    def test_space_around_a_value_is_not_part_of_it(self) -> None:
        assert tokens("x-api-key", (b"x-api-key", b" \tabc \t")) == [("x-api-key", b"abc")]


class TestCookies:
    @pytest.mark.parametrize(
        "line", [b"sid=a", b"x=1; sid=a; y=2", b"sid=a;", b";;sid=a", b" sid = a ", b"mysid=1;sid=a", b"x=sid;sid=a"]
    )
    def test_one_cookie_of_the_name_is_the_credential(self, line: bytes) -> None:
        assert tokens("cookie:sid", (b"cookie", line)) == [("cookie:sid", b"a")]

    def test_a_name_has_upper_and_lower_case(self) -> None:
        assert tokens("cookie:SID", (b"cookie", b"sid=b; SID=a")) == [("cookie:sid", b"a")]

    @pytest.mark.parametrize(
        "lines",
        [
            [b"sid=a; sid=a"],
            [b"sid=a", b"sid=b"],
            [b"sid=a; sid"],
            [b"sid"],
            [b"sid="],
            [b"sid=a b"],
            [b"sid=a,b"],
            [b"sid=a; \xa0sid=b"],
            [b"sid=a; \xe2\x80\x83sid=b"],
            [b"sid=a;\x1fsid=b"],
            [b"sid=a;\x0bsid=b"],
            [b"sid=a; sid\xc2\x85=b"],
            [b'"sid"=a'],
            [b"sid=a\xa0"],
        ],
    )
    def test_a_cookie_that_some_parser_sees_twice_or_not_is_refused(self, lines: list[bytes]) -> None:
        assert is_refused("cookie:sid", *((b"cookie", line) for line in lines))

    @pytest.mark.parametrize("line", [b"", b"x=1", b"sidx=1", b"xsid=1", b"x=sid"])
    def test_other_cookies_are_none(self, line: bytes) -> None:
        assert tokens("cookie:sid", (b"cookie", line)) == []


class TestQuery:
    @pytest.mark.parametrize(
        "query", [b"token=a%2Bb", b"x=1&token=a%2bb&y", b"t%6Fken=a%2Bb", b"token=a%2Bb&", b"xtoken=1&token=a%2Bb"]
    )
    def test_a_parameter_is_the_credential_with_its_escapes_undone(self, query: bytes) -> None:
        assert tokens("query:token", query=query) == [("query:token", b"a+b")]

    @pytest.mark.parametrize(
        "query",
        [
            b"token=a&token=a",
            b"token=a&t%6fken=b",
            b"token",
            b"token=",
            b"token=a+b",
            b"token=a%20b",
            b"token=a%00",
            b"token=%C3%A9",
        ],
    )
    def test_a_parameter_given_twice_or_not_visible_is_refused(self, query: bytes) -> None:
        assert is_refused("query:token", query=query)

    @pytest.mark.parametrize("query", [b"", b"x=token", b"Token=a", b"token%3Da", b"x;token=a", b"%=&%zz=%"])
    def test_other_parameters_are_none(self, query: bytes) -> None:
        assert find("query:token", query=query) == ()


@pytest.mark.parametrize("size", [4_096, 16_384])
@pytest.mark.parametrize("value", [b"a= , a= ", b"a=  ", b'a="\\"', b"a=b,", b"a =\t,", b'"', b" ", b"a"])
def test_hostile_parameters_take_time_in_proportion(value: bytes, size: int) -> None:
    """A backtracking pattern would not come back from this."""
    answers = [
        is_refused("authorization", (b"authorization", b"X a=" + value * (size // len(value)) + end))
        for end in (b"", b'"', b"!", b"\0")
    ]
    assert answers[-1]
