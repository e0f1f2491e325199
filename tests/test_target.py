from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from mfa_middleware.errors import Code, Refusal
from mfa_middleware.http import HeaderRules, Request
from mfa_middleware.target import Origins, check_target

RULES = HeaderRules([])
LOOPBACK = {"peer": "127.0.0.1", "local": "127.0.0.1"}
PUBLIC = ("https://api.example.com",)


def request(*headers: tuple[str, str], **changes: Any) -> Request:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    values = {
        "method": "GET",
        "scheme": "http",
        "raw_path": "/a",
        "query": b"",
        "headers": pairs,
        "routed_path": "/a",
        **LOOPBACK,
    }
    return Request(**(values | changes))


def origin(origins: Origins, *headers: tuple[str, str], **changes: Any) -> tuple[str, ...]:
    asked = request(*headers, **changes)
    return origins.of(asked, RULES.scan(asked.headers))


def refusal_of_origin(origins: Origins, *headers: tuple[str, str], **changes: Any) -> str:
    with pytest.raises(Refusal) as caught:
        origin(origins, *headers, **changes)
    assert caught.value.code is Code.WRONG_TARGET
    assert not caught.value.hints
    return caught.value.detail


def names(htu: str, path: str, *, origins: tuple[str, ...] = PUBLIC, prefix: str = "", **changes: Any) -> bool:
    try:
        check_target(htu, request(raw_path=path, **changes), origins, prefix)
    except Refusal:
        return False
    return True


class TestOneOrigin:
    origins = Origins(("https://api.example.com",))

    @pytest.mark.parametrize("host", ["api.example.com", "evil.example", "127.0.0.1:8000", "a/?x="])
    def test_it_is_the_origin_whatever_host_says(self, host: str) -> None:
        assert origin(self.origins, ("host", host)) == PUBLIC

    def test_forwarding_headers_say_nothing(self) -> None:
        forwarded = [
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "http"),
            ("forwarded", "host=evil.example"),
        ]
        assert origin(self.origins, *forwarded) == PUBLIC


class TestSeveralOrigins:
    origins = Origins(("https://a.example", "https://b.example:8443", "http://c.example", "https://c.example"))

    @pytest.mark.parametrize(
        ("host", "expected"),
        [
            ("a.example", "https://a.example"),
            ("A.EXAMPLE:443", "https://a.example"),
            ("b.example:8443", "https://b.example:8443"),
        ],
    )
    def test_host_selects_among_them(self, host: str, expected: str) -> None:
        assert origin(self.origins, ("host", host)) == (expected,)

    def test_a_host_under_two_schemes_may_be_either(self) -> None:
        assert origin(self.origins, ("host", "c.example")) == ("http://c.example", "https://c.example")
        assert origin(self.origins, ("host", "c.example:443")) == ("https://c.example",)

    @pytest.mark.parametrize(
        "host",
        [
            "d.example",
            "a.example:80",
            "b.example",
            "a.example.",
            "x@a.example",
            "a.example/",
            "a.example, b.example",
            "",
            "é",
        ],
    )
    def test_any_other_host_is_refused(self, host: str) -> None:
        assert "MFA_ORIGINS" in refusal_of_origin(self.origins, ("host", host))

    def test_no_host_and_two_hosts_are_refused(self) -> None:
        assert "exactly one Host" in refusal_of_origin(self.origins)
        assert "exactly one Host" in refusal_of_origin(self.origins, ("host", "a.example"), ("host", "a.example"))


class TestNoOrigin:
    origins = Origins()

    @pytest.mark.parametrize(
        ("host", "scheme", "expected"),
        [
            ("127.0.0.1:8000", "http", "http://127.0.0.1:8000"),
            ("localhost:8000", "http", "http://localhost:8000"),
            ("LocalHost", "https", "https://localhost"),
            ("127.9.9.9", "http", "http://127.9.9.9"),
            ("[::1]:8000", "http", "http://[::1]:8000"),
            ("localhost:80", "ws", "http://localhost"),
            ("localhost", "wss", "https://localhost"),
        ],
    )
    def test_a_first_run_on_one_machine_works(self, host: str, scheme: str, expected: str) -> None:
        assert origin(self.origins, ("host", host), scheme=scheme) == (expected,)

    @pytest.mark.parametrize("end", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1", "localhost"])
    def test_loopback_has_these_addresses(self, end: str) -> None:
        assert origin(self.origins, ("host", "localhost"), peer=end, local=end) == ("http://localhost",)

    @pytest.mark.parametrize(
        "ends",
        [
            {"peer": "192.0.2.1"},
            {"local": "192.0.2.1"},
            {"peer": None},
            {"local": None},
            {"peer": "testclient"},
            {"peer": "::ffff:192.0.2.1"},
            {"local": "0.0.0.0"},
        ],
    )
    def test_a_socket_that_is_not_loopback_is_refused_with_the_cure(self, ends: dict[str, Any]) -> None:
        detail = refusal_of_origin(self.origins, ("host", "localhost"), **ends)
        assert "the socket is not loopback; write MFA_ORIGINS=https://" in detail

    @pytest.mark.parametrize(
        "host",
        [
            "api.example.com",
            "localhost.example.com",
            "127.0.0.1.example",
            "127.0.0.1@evil",
            "a/?x=",
            "localhost:",
            "2130706433",
            "localhost:123456",
        ],
    )
    def test_a_host_that_is_no_loopback_name_is_refused_with_the_cure(self, host: str) -> None:
        assert "write MFA_ORIGINS=https://" in refusal_of_origin(self.origins, ("host", host))

    @pytest.mark.parametrize(
        "name",
        [
            "forwarded",
            "via",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-real-ip",
        ],
    )
    def test_behind_a_proxy_it_is_refused_with_the_cure(self, name: str) -> None:
        detail = refusal_of_origin(self.origins, ("host", "localhost"), (name, "x"))
        assert "a proxy stands before the app; write MFA_ORIGINS=https://" in detail


class TestClientAddress:
    def client(self, proxies: int, *forwarded: str, peer: str | None = "10.0.0.9") -> Any:
        asked = request(*(("x-forwarded-for", line) for line in forwarded), peer=peer)
        return Origins(proxies=proxies).client(asked, RULES.scan(asked.headers))

    def test_without_trusted_proxies_it_is_the_peer(self) -> None:
        assert self.client(0, "203.0.113.5") == ip_address("10.0.0.9")
        assert self.client(0, peer="::ffff:192.0.2.1") == ip_address("192.0.2.1")
        assert self.client(0, peer=None) is None

    def test_hops_are_counted_from_the_right(self) -> None:
        hops = "198.51.100.66, 203.0.113.5, 192.0.2.1"
        assert self.client(1, hops) == ip_address("192.0.2.1")
        assert self.client(2, hops) == ip_address("203.0.113.5")
        assert self.client(3, hops) == ip_address("198.51.100.66")

    def test_what_a_caller_writes_on_the_left_moves_nothing(self) -> None:
        assert self.client(1, "10.1.1.1,10.1.1.1,10.1.1.1", "203.0.113.5") == ip_address("203.0.113.5")

    def test_lines_are_one_list(self) -> None:
        assert self.client(2, "198.51.100.66", "203.0.113.5, 192.0.2.1") == ip_address("203.0.113.5")

    @pytest.mark.parametrize(
        "forwarded", [[], ["203.0.113.5"], ["unknown, 192.0.2.1"], ["for=203.0.113.5, 192.0.2.1"], [", 192.0.2.1"]]
    )
    def test_fewer_hops_than_proxies_or_no_address_is_unknown(self, forwarded: list[str]) -> None:
        assert self.client(2, *forwarded) is None


class TestTarget:
    @pytest.mark.parametrize(
        ("htu", "path"),
        [
            ("https://api.example.com/a", "/a"),
            ("https://api.example.com/a?q=1#f", "/a"),
            ("HTTPS://API.EXAMPLE.COM:443/a", "/a"),
            ("https://api.example.com", "/"),
            ("https://api.example.com/", "/"),
            ("https://api.example.com/caf%c3%a9", "/caf%C3%A9"),
            ("https://api.example.com/caf%C3%A9", "/caf\xc3\xa9"),
            ("https://api.example.com/%61", "/a"),
            ("https://api.example.com/a", "/%61"),
            ("https://api.example.com/a%2Fb", "/a%2fb"),
            ("https://api.example.com/a//b", "/a//b"),
            ("https://api.example.com/a;v=1", "/a;v=1"),
            ("https://api.example.com/x/../a", "/a"),
            ("https://api.example.com/x/../a", "/x/../a"),
            ("https://api.example.com/x/../%61", "/x/../a"),
            ("https://api.example.com/%zz", "/%zz"),
        ],
    )
    def test_the_same_url_in_another_spelling_is_named(self, htu: str, path: str) -> None:
        assert names(htu, path)

    @pytest.mark.parametrize(
        ("htu", "path"),
        [
            ("https://api.example.com/b", "/a"),
            ("https://api.example.com/a/", "/a"),
            ("https://api.example.com/A", "/a"),
            ("http://api.example.com/a", "/a"),
            ("https://api.example.com:444/a", "/a"),
            ("https://api.example.com.evil.example/a", "/a"),
            ("https://evil.example/a", "/a"),
            ("https://api.example.com/a/b", "/a%2Fb"),
            ("https://api.example.com/a%2Fb", "/a/b"),
            ("https://api.example.com/a/b", "/a//b"),
            ("https://api.example.com/a%252Fb", "/a%2Fb"),
            ("https://api.example.com/a", "/x/../a"),
            ("https://api.example.com/a", "/x/%2e%2e/a"),
            ("https://api.example.com/a", "/./a"),
            ("https://api.example.com/a", "/a%00"),
            ("https://api.example.com/a#b", "/a#b"),
            ("wss://api.example.com/a", "/a"),
            ("", "/a"),
            ("/a", "/a"),
        ],
    )
    def test_another_url_is_not(self, htu: str, path: str) -> None:
        assert not names(htu, path)

    @pytest.mark.parametrize(
        "path", ["http://api.example.com/a", "https://api.example.com/a", "a", "api.example.com:443", "*", "?a"]
    )
    def test_a_target_that_is_not_in_origin_form_is_refused(self, path: str) -> None:
        assert not names("https://api.example.com/a", path)
        assert not names(f"https://api.example.com/{path}", path)

    @pytest.mark.parametrize("path", ["x", ".evil.example/a", ":8443/a", "@evil.example/a"])
    def test_a_target_cannot_go_on_where_the_origin_ends(self, path: str) -> None:
        for exact in (True, False):
            assert not names(f"https://api.example.com{path}", path, exact=exact)

    def test_only_the_asterisk_is_the_whole_server_and_only_for_options(self) -> None:
        assert not names("https://api.example.com", "/a", method="OPTIONS")
        assert names("https://api.example.com/a", "/a", method="OPTIONS")
        assert not names("https://api.example.com", "*", method="GET")

    def test_options_of_the_whole_server_have_an_empty_path(self) -> None:
        assert names("https://api.example.com", "*", method="OPTIONS")
        assert names("https://api.example.com/", "*", method="OPTIONS")

    def test_a_prefix_that_a_proxy_strips_is_part_of_the_url(self) -> None:
        assert names("https://api.example.com/api/a", "/a", prefix="/api")
        assert names("https://api.example.com/api/", "/", prefix="/api")
        assert not names("https://api.example.com/a", "/a", prefix="/api")

    @pytest.mark.parametrize(
        "htu", ["wss://api.example.com/a", "https://api.example.com/a", "WSS://api.example.com:443/a"]
    )
    def test_a_websocket_may_be_signed_as_what_it_is_or_as_http(self, htu: str) -> None:
        assert names(htu, "/a", websocket=True)
        assert not names("ws://api.example.com/a", "/a", websocket=True)

    def test_one_of_several_origins_is_enough(self) -> None:
        both = ("http://c.example", "https://c.example")
        assert names("https://c.example/a", "/a", origins=both)
        assert names("http://c.example:80/a", "/a", origins=both)
        assert not names("https://d.example/a", "/a", origins=both)

    def test_an_honest_mismatch_tells_both_urls_and_the_settings(self) -> None:
        with pytest.raises(Refusal) as caught:
            check_target("https://api.example.com/a?secret=1", request(raw_path="/b"), PUBLIC, "")
        assert caught.value.hints == {
            "expected_htu": "https://api.example.com/b",
            "signed_htu": "https://api.example.com/a",
            "settings": "MFA_ORIGINS, MFA_PATH_PREFIX",
        }
        assert "secret" not in caught.value.detail

    @pytest.mark.parametrize(
        "htu",
        [
            "https://api.example.com\\a",
            "https://\uff41pi.example.com/a",
            "https://u:pw@api.example.com/a",
            "https://api%2eexample.com/a",
            "https://api.example.com/a ",
            "https://api.example.com/a\t",
        ],
    )
    def test_an_obfuscated_one_is_called_so_and_not_repeated(self, htu: str) -> None:
        with pytest.raises(Refusal) as caught:
            check_target(htu, request(raw_path="/a"), PUBLIC, "")
        assert caught.value.detail.startswith("htu is obfuscated")
        assert "pw" not in caught.value.detail
        assert not caught.value.hints

    def test_an_obfuscated_one_is_refused_although_the_wire_agrees(self) -> None:
        assert not names("https://api.example.com/\xe9", "/\xe9")
        assert not names("https://api.example.com/a\\b", "/a\\b")


class TestServersThatHideTheRawPath:
    @pytest.mark.parametrize(
        ("htu", "path"),
        [
            ("https://api.example.com/a", "/a"),
            ("https://api.example.com/caf%c3%a9", "/caf%C3%A9"),
            ("https://api.example.com/a%20b", "/a%20b"),
            ("https://api.example.com/a+b", "/a%2Bb"),
            ("https://api.example.com/a%3Bb", "/a;b"),
            ("https://api.example.com/%e9", "/%E9"),
            ("https://api.example.com", "/"),
            ("https://api.example.com/.well-known/x", "/.well-known/x"),
        ],
    )
    def test_equal_octets_are_equal_paths(self, htu: str, path: str) -> None:
        assert names(htu, path, exact=False)

    @pytest.mark.parametrize("escape", ["%2F", "%2f", "%5C", "%25", "%252F", "%00"])
    def test_an_escape_that_may_hide_a_separator_is_refused(self, escape: str) -> None:
        with pytest.raises(Refusal, match="this server hides the raw path"):
            check_target(f"https://api.example.com/a{escape}b", request(raw_path="/a/b", exact=False), PUBLIC, "")

    @pytest.mark.parametrize(
        "htu",
        [
            "https://api.example.com.evil.example/x/.y",
            "https://api.example.com:8443/x/.y",
            "https://api.example.com.evil.example/.y",
            "https://evil.example/x/.y",
            "http://api.example.com/x/.y",
        ],
    )
    def test_another_origin_is_another_url_whatever_the_path(self, htu: str) -> None:
        assert names("https://api.example.com/x/.y", "/x/.y", exact=False)
        assert not names(htu, "/x/.y", exact=False)
        assert not names(htu, "/.y", exact=False)
