"""What an honest machine sends is accepted, however its bytes arrive, and the app gets all of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator

import pytest

from mfa_middleware.client import sign_headers
from mfa_middleware.errors import Code
from tests.faces.answers import assert_refused
from tests.faces.matrix import Trait
from tests.faces.serving import API_KEY, KEY, Served
from tests.helpers.rawhttp import Lines, Response, chunked, head

_BODY = json.dumps({"item": "bolt", "n": 3}).encode()
_PREFLIGHT: Lines = [("Origin", "https://shop.example"), ("Access-Control-Request-Method", "POST")]


def _post(served: Served, body: bytes, lines: Lines, pieces: Iterator[bytes], pause: float = 0.0) -> Response:
    """The head and then the pieces of a body, signed whole."""
    lines = [*served.signed("depot", "POST", "/orders", body=body), ("Content-Type", "application/json"), *lines]
    start = head("POST", f"{served.face.wire}/orders", lines, host=served.host)
    with served.wire() as wire:
        return wire.send(start).send(*pieces, pause=pause).answer("POST")


def _assert_received(answer: Response, body: bytes) -> None:
    assert answer.status == 201, answer
    assert answer.json == {"machine": "depot", "received": hashlib.sha256(body).hexdigest(), "bytes": len(body)}


def _one_by_one(body: bytes) -> Iterator[bytes]:
    return (body[at : at + 1] for at in range(len(body)))


@pytest.mark.parametrize("machine", ["depot", "lab", "archive"])
def test_a_get_of_a_machine_with_es256_ed25519_ps256(served: Served, machine: str) -> None:
    answer = served.call(machine, "GET", "/orders")
    assert answer.status == 200, answer
    assert answer.json == {"machine": machine, "orders": ["1001", "1002"]}
    assert not answer.all("www-authenticate")


def test_what_the_client_signs(served: Served) -> None:
    headers = sign_headers(
        served.keys["depot"],
        "GET",
        served.url("/search?q=a%20b&r=%2F"),
        headers=KEY,
        nonce=served.nonces.get("depot"),
    )
    answer = served.send("GET", "/search?q=a%20b&r=%2F", [*KEY, *headers.items()])
    assert (answer.status, answer.json) == (200, {"machine": "depot", "q": "a b"})


def test_the_key_as_bearer(served: Served) -> None:
    proof = served.proof("depot", "GET", "/orders")
    answer = served.send("GET", "/orders", [("Authorization", f"Bearer {API_KEY}"), ("DPoP", proof)])
    assert answer.status == 200, answer


@pytest.mark.parametrize("size", [0, 1, 60_000])
def test_a_body_in_one_piece(served: Served, size: int) -> None:
    body = bytes(number % 251 for number in range(size))
    _assert_received(served.call("depot", "POST", "/orders", body), body)


def test_a_body_byte_by_byte(served: Served) -> None:
    length: Lines = [("Content-Length", str(len(_BODY)))]
    _assert_received(_post(served, _BODY, length, _one_by_one(_BODY), pause=0.004), _BODY)


@pytest.mark.parametrize("pause", [0.0, 0.004])
def test_a_chunked_body(served: Served, pause: float) -> None:
    pieces = chunked(_one_by_one(_BODY)) if pause else chunked([_BODY[:10], _BODY[10:]])
    answer = _post(served, _BODY, [("Transfer-Encoding", "chunked")], pieces, pause=pause)
    if served.face.has(Trait.CHUNKED):
        _assert_received(answer, _BODY)
    else:
        assert_refused(answer, Code.WRONG_DIGEST)


def test_a_body_that_waits_to_be_asked_for(served: Served) -> None:
    lines = [*served.signed("depot", "POST", "/orders", body=_BODY), ("Content-Length", str(len(_BODY)))]
    start = head("POST", f"{served.face.wire}/orders", [*lines, ("Expect", "100-continue")], host=served.host)
    with served.wire() as wire:
        asked = wire.send(start).told(2)
        assert asked.startswith(b"HTTP/1.1 100 "), asked
        _assert_received(wire.send(_BODY).answer("POST"), _BODY)


def test_a_body_that_nobody_asked_for_is_refused(served: Served) -> None:
    start = head(
        "POST",
        f"{served.face.wire}/orders",
        [*KEY, ("Content-Length", "9"), ("Expect", "100-continue")],
        host=served.host,
    )
    with served.wire() as wire:
        if wire.send(start).told(2).startswith(b"HTTP/1.1 100 "):
            wire.send(b'{"n": 12}')
        assert_refused(wire.answer("POST"), Code.MISSING_PROOF)


def test_a_nonce_is_asked_for_and_used(served: Served) -> None:
    asked = served.call("lab", "POST", "/payments", b"{}", nonce=None)
    assert_refused(asked, Code.USE_DPOP_NONCE)
    paid = served.call("lab", "POST", "/payments", b"{}", nonce=asked.one("dpop-nonce"))
    assert (paid.status, paid.json) == (200, {"machine": "lab", "paid": True})


@pytest.mark.parametrize("off", [-3600, 3600])
def test_a_machine_with_a_wrong_clock_recovers(served: Served, off: int) -> None:
    iat = int(time.time()) + off
    asked = served.call("lab", "GET", "/orders", iat=iat, nonce=None)
    document = assert_refused(asked, Code.USE_DPOP_NONCE)
    assert document["clock_offset"] == pytest.approx(-off, abs=30)
    assert served.call("lab", "GET", "/orders", iat=iat, nonce=asked.one("dpop-nonce")).status == 200


def test_head_is_answered_without_a_body(served: Served) -> None:
    assert_refused(served.send("HEAD", "/orders", KEY), Code.MISSING_PROOF, empty=True)
    answer = served.call("depot", "HEAD", "/orders")
    assert answer.status in (200, 405), answer
    assert answer.body == b""
    assert_refused(
        served.send("HEAD", "/orders", served.signed("depot", "GET", "/orders")), Code.WRONG_TARGET, empty=True
    )


def test_a_preflight_reaches_the_app(served: Served) -> None:
    assert served.send("OPTIONS", "/orders", _PREFLIGHT).code is None
    assert_refused(served.send("OPTIONS", "/orders", KEY), Code.MISSING_PROOF)
    assert_refused(served.send("OPTIONS", "/orders", [*_PREFLIGHT, *KEY], b"x"), Code.MISSING_PROOF)


def test_a_refusal_can_be_read_by_a_script_of_another_origin(served: Served) -> None:
    answer = served.send("GET", "/orders", [*KEY, ("Origin", "https://shop.example")])
    assert_refused(answer, Code.MISSING_PROOF)
    assert answer.all("access-control-expose-headers") == ["DPoP-Nonce, WWW-Authenticate"]


def test_a_route_where_the_proof_is_the_only_factor(served: Served) -> None:
    answer = served.send("GET", "/heartbeat", [("DPoP", served.proof("depot", "GET", "/heartbeat", credential=None))])
    assert (answer.status, answer.json) == (200, {"machine": "depot"})
    assert_refused(served.send("GET", "/heartbeat"), Code.MISSING_PROOF, nothing_sent=True)


def test_a_route_that_only_reports_lets_everybody_in_and_names_only_who_has_proven_it(served: Served) -> None:
    lines = served.signed("depot", "GET", "/beta")
    answers = [served.send("GET", "/beta", given) for given in ([], lines, lines)]
    assert [(answer.status, answer.json["machine"]) for answer in answers] == [(200, None), (200, "depot"), (200, None)]


def test_a_machine_is_known_by_the_address_that_it_calls_from(served: Served) -> None:
    assert served.call("kiosk", "GET", "/orders", source="127.0.0.2").status == 200
    assert_refused(served.call("kiosk", "GET", "/orders"), Code.MACHINE_INACTIVE)


def test_an_address_that_the_caller_writes_himself_counts_for_nothing(served: Served) -> None:
    lines = [*served.signed("kiosk", "GET", "/orders"), ("X-Forwarded-For", "127.0.0.2")]
    is_proxied = served.face.has(Trait.FORWARDED) and not served.face.origin
    assert_refused(served.send("GET", "/orders", lines), Code.WRONG_TARGET if is_proxied else Code.MACHINE_INACTIVE)


@pytest.mark.parametrize(("scopes", "status"), [("office", 200), ("depot", 403)])
def test_a_scope_opens_its_route(served: Served, scopes: str, status: int) -> None:
    assert served.call(scopes, "GET", "/admin").status == status
