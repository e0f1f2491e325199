from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from mfa_middleware.http import HeaderRules, Headers, Request, address, is_preflight, matches_exactly

RULES = HeaderRules([b"authorization", b"x-api-key"])
PREFLIGHT = [(b"origin", b"https://app.example"), (b"access-control-request-method", b"GET")]


def request(**changes: Any) -> Request:
    values = {
        "method": "GET",
        "scheme": "https",
        "raw_path": "/health",
        "query": b"",
        "headers": [],
        "routed_path": "/health",
    }
    return Request(**(values | changes))


def scanned(*pairs: tuple[bytes, bytes]) -> Headers:
    return RULES.scan(pairs)


class TestHeaders:
    def test_every_line_of_a_wanted_header_is_kept_in_order(self) -> None:
        headers = scanned((b"x-api-key", b"1"), (b"accept", b"*/*"), (b"x-api-key", b"2"))
        assert headers.all(b"x-api-key") == [b"1", b"2"]
        assert headers.all(b"accept") == ()

    def test_one_line_is_a_value_and_several_are_none(self) -> None:
        headers = scanned((b"host", b"a"), (b"dpop", b"1"), (b"dpop", b"2"))
        assert headers.one(b"host") == b"a"
        assert headers.one(b"dpop") is None
        assert headers.one(b"x-api-key") is None

    @pytest.mark.parametrize("name", [b"x_api_key", b"x-api_key", b"x_api-key"])
    def test_an_underscore_twin_of_a_wanted_header_is_noted(self, name: bytes) -> None:
        assert scanned((name, b"1")).twins == {b"x-api-key"}

    def test_other_headers_with_underscores_are_no_twins(self) -> None:
        assert scanned((b"x_other", b"1"), (b"x-api-key", b"1")).twins == set()

    @pytest.mark.parametrize(
        "name",
        [
            b"forwarded",
            b"via",
            b"x-forwarded-for",
            b"x-forwarded-host",
            b"x-forwarded-port",
            b"x-forwarded-proto",
            b"x-real-ip",
        ],
    )
    def test_a_proxy_is_noticed(self, name: bytes) -> None:
        assert scanned((name, b"x")).forwarded
        assert not scanned((b"host", b"x")).forwarded


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1 ", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
        ],
    )
    def test_zone_brackets_and_mapping_are_taken_off(self, text: str, expected: str) -> None:
        assert address(text) == ip_address(expected)

    @pytest.mark.parametrize(
        "text",
        [None, "", "unknown", "testclient", "localhost", "192.0.2.1:443", "192.0.2.256", "_hidden", "1" * 10_000],
    )
    def test_anything_else_is_no_address(self, text: str | None) -> None:
        assert address(text) is None

    def test_long_texts_are_not_remembered(self) -> None:
        from mfa_middleware import http

        before = http._address.cache_info().currsize
        assert address("9" * 129) is None
        assert http._address.cache_info().currsize == before


class TestPreflight:
    def test_options_with_origin_and_requested_method_is_one(self) -> None:
        assert is_preflight(request(method="OPTIONS"), scanned(*PREFLIGHT))
        assert is_preflight(request(method="OPTIONS"), scanned(*PREFLIGHT, (b"content-length", b"0")))

    @pytest.mark.parametrize("missing", [0, 1])
    def test_without_either_header_it_is_none(self, missing: int) -> None:
        assert not is_preflight(request(method="OPTIONS"), scanned(PREFLIGHT[1 - missing]))

    @pytest.mark.parametrize("method", ["GET", "POST", "options", "HEAD"])
    def test_with_another_method_it_is_none(self, method: str) -> None:
        assert not is_preflight(request(method=method), scanned(*PREFLIGHT))

    @pytest.mark.parametrize(
        "more",
        [
            [(b"content-length", b"1")],
            [(b"content-length", b"00")],
            [(b"transfer-encoding", b"chunked")],
            [(b"content-length", b"0"), (b"content-length", b"9")],
            [(b"content-length", b"9"), (b"content-length", b"9")],
            [(b"origin", b"https://second.example")],
            [(b"access-control-request-method", b"PUT")],
        ],
    )
    def test_with_a_body_or_a_header_twice_it_is_none(self, more: list[tuple[bytes, bytes]]) -> None:
        assert not is_preflight(request(method="OPTIONS"), scanned(*PREFLIGHT, *more))


class TestExactPaths:
    PATHS = frozenset({"/health", "/app/health", "/café"})

    def test_a_path_matches_itself(self) -> None:
        assert matches_exactly(request(), self.PATHS)

    def test_under_a_mount_prefix_the_routed_path_counts(self) -> None:
        assert matches_exactly(request(raw_path="/mount/health", root="/mount"), self.PATHS)
        assert not matches_exactly(request(raw_path="/other/health", root="/mount"), self.PATHS)

    @pytest.mark.parametrize(
        ("raw", "routed"),
        [
            ("/health/", "/health/"),
            ("/healthz", "/healthz"),
            ("/Health", "/Health"),
            ("/orders", "/health"),
            ("/health", "/orders"),
            ("/%68ealth", "/health"),
            ("//health", "/health"),
            ("/x/../health", "/health"),
            ("/./health", "/health"),
            ("/health%00", "/health"),
            ("/app%2Fhealth", "/app/health"),
            ("/app%5Chealth", "/app/health"),
            ("/health;x", "/health"),
            ("/caf%C3%A9", "/café"),
            ("http://a.example/health", "/health"),
            ("", "/health"),
        ],
    )
    def test_any_second_way_to_read_it_matches_nothing(self, raw: str, routed: str) -> None:
        assert not matches_exactly(request(raw_path=raw, routed_path=routed), self.PATHS)


def test_the_repr_of_a_request_tells_no_header_and_no_query() -> None:
    shown = repr(request(query=b"token=secret", headers=[(b"authorization", b"Bearer secret")]))
    assert "secret" not in shown
    assert "GET /health" in shown
