from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa_middleware.uri import (
    InvalidURI,
    has_hidden_separator,
    is_ambiguous_path,
    is_printable,
    normalise,
    normalise_path,
    origin_of,
)


class TestEqualSpellings:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("HTTPS://API.Example.COM/a", "https://api.example.com/a"),
            ("https://a.example:443/x", "https://a.example/x"),
            ("http://a.example:80/x", "http://a.example/x"),
            ("https://a.example:/x", "https://a.example/x"),
            ("https://a.example:0443/x", "https://a.example/x"),
            ("https://a.example:08443/x", "https://a.example:8443/x"),
            ("https://a.example", "https://a.example/"),
            ("https://a.example?q=1", "https://a.example/"),
            ("https://a.example#f", "https://a.example/"),
            ("https://a.example/x?q=/../&r#f?g", "https://a.example/x"),
            ("https://a.example/%7euser", "https://a.example/~user"),
            ("https://a.example/%41%62%2D%2E%5F", "https://a.example/Ab-._"),
            ("https://a.example/caf%c3%a9", "https://a.example/caf%C3%A9"),
            ("https://a.example/a/./b", "https://a.example/a/b"),
            ("https://a.example/a/../b", "https://a.example/b"),
            ("https://a.example/a/%2e%2E/b", "https://a.example/b"),
            ("https://a.example/../../b", "https://a.example/b"),
            ("https://a.example/a/b/..", "https://a.example/a/"),
            ("https://a.example/a/.", "https://a.example/a/"),
            ("https://a.example/..", "https://a.example/"),
            ("https://a.example/a//../b", "https://a.example/a/b"),
            ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]/"),
            ('https://a.example/"<>^`{|}', "https://a.example/%22%3C%3E%5E%60%7B%7C%7D"),
        ],
    )
    def test_two_spellings_of_one_uri(self, one: str, other: str) -> None:
        assert normalise(one) == normalise(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("https://a.example/x", "http://a.example/x"),
            ("https://a.example/x", "https://b.example/x"),
            ("https://a.example/x", "https://a.example:8443/x"),
            ("https://a.example:80/x", "https://a.example/x"),
            ("https://a.example./x", "https://a.example/x"),
            ("https://a.example/x", "https://a.example/X"),
            ("https://a.example/x", "https://a.example/x/"),
            ("https://a.example/a//b", "https://a.example/a/b"),
            ("https://a.example//a", "https://a.example/a"),
            ("https://a.example/a%2Fb", "https://a.example/a/b"),
            ("https://a.example/a%3Bb", "https://a.example/a;b"),
            ("https://a.example/a;b", "https://a.example/a"),
            ("https://a.example/a%2520", "https://a.example/a%20"),
            ("https://a.example/a+b", "https://a.example/a%20b"),
            ("https://a.example/caf%C3%A9", "https://a.example/cafe%CC%81"),
            ("https://a.example/...", "https://a.example/"),
            ("https://a.example/..;/b", "https://a.example/b"),
            ("https://127.0.0.1/", "https://127.1/"),
            ("https://127.0.0.1/", "https://0177.0.0.1/"),
            ("https://[::1]/", "https://[0:0:0:0:0:0:0:1]/"),
            ("wss://a.example/x", "https://a.example/x"),
        ],
    )
    def test_two_uris(self, one: str, other: str) -> None:
        assert normalise(one) != normalise(other)

    @pytest.mark.parametrize(
        ("signed", "plain"),
        [("wss://a.example/x", "https://a.example/x"), ("WS://a.example:80/x", "http://a.example/x")],
    )
    def test_a_websocket_is_read_as_http_where_it_is_asked(self, signed: str, plain: str) -> None:
        assert normalise(signed, websocket=True) == normalise(plain, websocket=True) == plain

    @given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\?#"), max_size=30))
    def test_normalising_twice_changes_nothing(self, text: str) -> None:
        once = normalise_path("/" + text)
        assert normalise_path(once) == once

    @given(st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=4))
    def test_a_client_that_escapes_all_and_one_that_escapes_little_agree(self, segments: list[bytes]) -> None:
        all_escaped = "/" + "/".join("".join(f"%{octet:02x}" for octet in segment) for segment in segments)
        honest = "/" + "/".join(quote(segment, safe="") for segment in segments)
        assert normalise_path(all_escaped) == normalise_path(honest)
        if "/." not in honest:
            assert unquote_to_bytes(normalise_path(honest)) == unquote_to_bytes(honest)


class TestObfuscation:
    @pytest.mark.parametrize(
        "uri",
        [
            "https://\uff41pi.example.com/",
            "https://api。example。com/",
            "https://api.example.com/é",
            "https://api.example.com/\u200b",
            "https://api.example.com\\@evil.example/",
            "https://api.example.com/a\\b",
            "https://api.example.com/a b",
            " https://api.example.com/",
            "https://api.example.com/ ",
            "https://api.example.com/\t",
            "https://api.exa\tmple.com/",
            "https://api.example.com/\r\nX: y",
            "https://api.example.com/\0",
            "https://api.example.com/\x7f",
        ],
    )
    def test_invisible_and_foreign_characters_are_refused(self, uri: str) -> None:
        assert not is_printable(uri)
        with pytest.raises(InvalidURI, match="non-ASCII, control, space or backslash"):
            normalise(uri)

    @pytest.mark.parametrize(
        "uri",
        [
            "https://user@api.example.com/",
            "https://user:secret@api.example.com/",
            "https://api.example.com:443@evil.example/",
            "https://@api.example.com/",
            "https://api%2eexample.com/",
            "https://api.example.com%00/",
            "https://api.example.com%2f/",
            "https://[fe80::1%25eth0]/",
        ],
    )
    def test_user_information_and_percent_in_the_host_are_refused(self, uri: str) -> None:
        with pytest.raises(InvalidURI, match="user information or a percent sign") as caught:
            normalise(uri)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        "uri",
        [
            "",
            "/a",
            "//api.example.com/a",
            "api.example.com/a",
            "https:/a",
            "https:a",
            "https://",
            "https:///a",
            "1http://a/",
            "https://a:b/",
            "https://a:1:2/",
            "https://a:-1/",
            "https://[::1/",
            "https://::1/",
            "https://[g::]/",
            "https://a:123456/",
            "://a/",
        ],
    )
    def test_what_is_no_absolute_uri_is_refused(self, uri: str) -> None:
        with pytest.raises(InvalidURI):
            normalise(uri)

    @given(st.text(max_size=60) | st.text("htps:/.@%[]\\?#a1 ", max_size=40))
    def test_any_text_is_a_printable_uri_or_invalid(self, text: str) -> None:
        try:
            assert is_printable(normalise(text))
        except InvalidURI:
            return


class TestPaths:
    @pytest.mark.parametrize("path", ["/a%2Fb", "/a%2fb", "/a%5Cb", "/a%5cb", "/a%252Fb", "/a%00", "/%25"])
    def test_escapes_that_hide_a_separator_are_seen(self, path: str) -> None:
        assert has_hidden_separator(path)

    @pytest.mark.parametrize("path", ["/", "/a/b", "/a%20b", "/caf%C3%A9", "/a;b", "/2F", "/a%2Eb"])
    def test_other_paths_hide_none(self, path: str) -> None:
        assert not has_hidden_separator(path)

    @pytest.mark.parametrize(
        "path",
        [
            "//",
            "//a",
            "/a//b",
            "/./a",
            "/a/.",
            "/a/..",
            "/../a",
            "/a/..;/b",
            "/a/.;x",
            "/a\\b",
            "/a%2Fb",
            "/a%2fb",
            "/a%5cb",
            "/a%00",
            "/%2e%2e/a",
            "/a%2E",
            ".",
            "..",
            "./a",
        ],
    )
    def test_a_path_with_two_readings_is_ambiguous(self, path: str) -> None:
        assert is_ambiguous_path(path)

    @pytest.mark.parametrize(
        "path", ["", "/", "/a", "/a/", "/a.b", "/.well-known/x", "/a..b", "/..a", "/a/...", "/caf%C3%A9", "/a;b/c", "*"]
    )
    def test_other_paths_have_one_reading(self, path: str) -> None:
        assert not is_ambiguous_path(path)

    def test_octets_of_the_wire_are_escaped_as_they_came(self) -> None:
        assert normalise_path("/café".encode().decode("latin-1")) == "/caf%C3%A9"
        assert normalise_path("/caf\xe9") == "/caf%E9"


@pytest.mark.parametrize(
    ("scheme", "authority", "origin"),
    [("https", "A.example:443", "https://a.example"), ("http", "[::1]:8000", "http://[::1]:8000")],
)
def test_an_origin_is_in_lower_case_without_its_default_port(scheme: str, authority: str, origin: str) -> None:
    assert origin_of(scheme, authority) == origin


@pytest.mark.parametrize("size", [4_096, 16_384])
@pytest.mark.parametrize("piece", ["/a", "/..", "/a/..", "%2e", "a:", "/a%", "//", "."])
def test_long_uris_take_time_in_proportion(piece: str, size: int) -> None:
    """A backtracking pattern would not come back from this."""
    text = piece * (size // len(piece))
    for uri in (f"https://a{text}", f"https://{text}", f"https://a/{text}%"):
        try:
            normalise(uri)
        except InvalidURI:
            continue
    is_ambiguous_path(text)
