"""One connection, several requests: each gets its own answer, and none is made of the body of another."""

from __future__ import annotations

import contextlib

from mfa_middleware.errors import Code
from tests.faces.answers import assert_refused
from tests.faces.serving import KEY, Served
from tests.helpers.rawhttp import Lines, Response, Wire, chunked, head

_SMUGGLED = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def _rest(wire: Wire) -> list[Response]:
    """All answers until the server closes."""
    answers = []
    with contextlib.suppress(EOFError):
        while True:
            answers.append(wire.answer())
    return answers


def _one_more(served: Served, wire: Wire, before: Response) -> list[Response]:
    """What comes after an answer when one more order is asked for, unless that answer says that the server closes."""
    return _rest(wire if "close" in before.all("connection") else wire.send(_order(served, 2, close=True)))


def _order(served: Served, number: int, *, close: bool = False) -> bytes:
    return served.octets("GET", f"/orders/{number}", served.signed("depot", "GET", f"/orders/{number}"), close=close)


def _orders(answers: list[Response]) -> list[str | None]:
    return [answer.json.get("order") for answer in answers]


def test_a_connection_goes_on_after_an_accepted_request_or_is_closed(served: Served) -> None:
    with served.wire() as wire:
        answer = wire.send(_order(served, 1)).answer()
        assert answer.json["order"] == "1"
        assert _orders(_one_more(served, wire, answer)) in (["2"], [])


def test_the_body_of_a_refused_request_is_not_the_next_request(served: Served) -> None:
    with served.wire() as wire:
        wire.send(served.octets("POST", "/orders", KEY, _SMUGGLED, close=False))
        answer = wire.answer("POST")
        assert_refused(answer, Code.MISSING_PROOF)
        assert _orders(_one_more(served, wire, answer)) in (["2"], [])


def test_the_chunks_of_a_refused_request_are_not_the_next_request(served: Served) -> None:
    lines: Lines = [*KEY, ("Transfer-Encoding", "chunked")]
    start = head("POST", f"{served.face.wire}/orders", lines, host=served.host, close=False)
    with served.wire() as wire:
        answer = wire.send(start + b"".join(chunked([_SMUGGLED]))).answer("POST")
        assert_refused(answer, Code.MISSING_PROOF)
        assert _orders(_one_more(served, wire, answer)) in (["2"], [])


def test_pipelined_requests_are_answered_in_their_order(served: Served) -> None:
    with served.wire() as wire:
        answers = _rest(wire.send(_order(served, 1) + _order(served, 2, close=True)))
    assert _orders(answers) in (["1", "2"], ["1"])


def test_a_proof_sent_twice_at_once_on_one_connection_counts_once(served: Served) -> None:
    lines = served.signed("depot", "GET", "/orders")
    first, second = (served.octets("GET", "/orders", lines, close=close) for close in (False, True))
    with served.wire() as wire:
        answers = _rest(wire.send(first + second))
    assert [answer.code for answer in answers] in ([None, "replayed"], [None])
    assert answers[0].status == 200


def test_a_body_that_is_cut_off_uses_no_proof_up(served: Served) -> None:
    body = b'{"item": "bolt"}'
    lines = served.signed("depot", "POST", "/orders", body=body)
    with served.wire() as wire:
        wire.send(served.octets("POST", "/orders", lines, body)[:-5])
    assert served.send("POST", "/orders", lines, body).status == 201
