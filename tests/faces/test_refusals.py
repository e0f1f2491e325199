"""Every refusal, provoked over a socket on every face, with its exact answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from mfa_middleware.errors import Code
from tests.faces import forge
from tests.faces.answers import assert_refused
from tests.faces.matrix import Trait
from tests.faces.serving import API_KEY, KEY, OTHER_KEY, Served
from tests.helpers.rawhttp import Lines, Response, request

_Case: TypeAlias = tuple[Code, Callable[[Served], Response]]


def _proofs(served: Served, *proofs: str) -> Response:
    return served.send("GET", "/orders", [*KEY, *(("DPoP", proof) for proof in proofs)])


def _get(served: Served, **options: Any) -> Response:
    return served.call("depot", "GET", "/orders", **options)


def _with(served: Served, lines: Lines, **options: Any) -> Response:
    """Other credential lines than the proof is bound to."""
    return served.send("GET", "/orders", [*lines, ("DPoP", served.proof("depot", "GET", "/orders", **options))])


def _good(served: Served) -> str:
    return served.proof("depot", "GET", "/orders")


def _with_flipped_signature(served: Served) -> Response:
    signing_input, _, signature = _good(served).rpartition(".")
    flipped = ("B" if signature[10] == "A" else "A").join((signature[:10], signature[11:]))
    return _proofs(served, f"{signing_input}.{flipped}")


def _signed_by_a_thief(served: Served) -> Response:
    jwk = dict(served.keys["depot"].public_jwk)
    return _get(served, key=served.keys["stranger"], header={"jwk": jwk})


CASES: dict[str, _Case] = {
    "nothing": (Code.MISSING_CREDENTIAL, lambda s: s.send("GET", "/orders")),
    "a proof but no credential": (Code.MISSING_CREDENTIAL, lambda s: _with(s, [], credential=None)),
    "a credential but no proof": (Code.MISSING_PROOF, lambda s: s.send("GET", "/orders", KEY)),
    "an unknown path": (Code.MISSING_PROOF, lambda s: s.send("GET", "/no-such-path", KEY)),
    "a body but no proof": (Code.MISSING_PROOF, lambda s: s.send("POST", "/orders", KEY, b"{}")),
    "an empty proof": (Code.MALFORMED_PROOF, lambda s: _proofs(s, "")),
    "a word": (Code.MALFORMED_PROOF, lambda s: _proofs(s, "proof")),
    "two proofs in two lines": (Code.MALFORMED_PROOF, lambda s: _proofs(s, _good(s), _good(s))),
    "two proofs in one line": (Code.MALFORMED_PROOF, lambda s: _proofs(s, f"{_good(s)}, {_good(s)}")),
    "a padded proof": (Code.MALFORMED_PROOF, lambda s: _proofs(s, f"{_good(s)}=")),
    "a proof of 5000 bytes": (Code.MALFORMED_PROOF, lambda s: _get(s, padding="x" * 5_000)),
    "a JWT of another type": (Code.MALFORMED_PROOF, lambda s: _get(s, header={"typ": "JWT"})),
    "no jti": (Code.MALFORMED_PROOF, lambda s: _get(s, jti=None)),
    "iat is text": (Code.MALFORMED_PROOF, lambda s: _get(s, iat=str(int(time.time())))),
    "crit": (Code.MALFORMED_PROOF, lambda s: _get(s, header={"crit": ["exp"]})),
    "a private key": (
        Code.MALFORMED_PROOF,
        lambda s: _get(s, header={"jwk": {**s.keys["depot"].public_jwk, "d": "AA"}}),
    ),
    "alg none": (Code.UNSUPPORTED_ALG, lambda s: _get(s, header={"alg": "none"})),
    "alg HS256": (Code.UNSUPPORTED_ALG, lambda s: _get(s, header={"alg": "HS256"})),
    "alg RS256": (Code.UNSUPPORTED_ALG, lambda s: s.call("archive", "GET", "/orders", header={"alg": "RS256"})),
    "a machine of the thief's own": (Code.UNKNOWN_MACHINE, lambda s: s.call("stranger", "GET", "/orders")),
    "another URL": (Code.WRONG_TARGET, lambda s: _get(s, htu=s.url("/admin"))),
    "another host": (Code.WRONG_TARGET, lambda s: _get(s, htu=f"https://thief.example{s.face.signed}/orders")),
    "a URL with the user's name": (Code.WRONG_TARGET, lambda s: _get(s, htu=s.url("/orders").replace("//", "//a@", 1))),
    "another method": (Code.WRONG_TARGET, lambda s: _get(s, htm="POST")),
    "the method in lower case": (Code.WRONG_TARGET, lambda s: _get(s, htm="get")),
    "another query": (
        Code.WRONG_TARGET,
        lambda s: s.send("GET", "/search?q=2", s.signed("depot", "GET", "/search?q=1")),
    ),
    "a query that is not bound": (Code.WRONG_TARGET, lambda s: s.call("depot", "GET", "/search?q=1", htq=None)),
    "another credential": (Code.WRONG_BINDING, lambda s: _get(s, credential=OTHER_KEY)),
    "no ath": (Code.WRONG_BINDING, lambda s: _get(s, ath=None)),
    "one more credential": (Code.WRONG_BINDING, lambda s: _with(s, [*KEY, ("Authorization", f"Bearer {OTHER_KEY}")])),
    "a forgotten credential": (Code.WRONG_BINDING, lambda s: _get(s, oth={"authorization": forge.ath(OTHER_KEY)})),
    "the API key in two lines": (Code.WRONG_BINDING, lambda s: _with(s, [*KEY, *KEY])),
    "another API key in the second line": (Code.WRONG_BINDING, lambda s: _with(s, [*KEY, ("X-API-Key", OTHER_KEY)])),
    "a flipped bit in the signature": (Code.BAD_SIGNATURE, _with_flipped_signature),
    "the machine's public key, signed by a thief": (Code.BAD_SIGNATURE, _signed_by_a_thief),
    "another body": (
        Code.WRONG_DIGEST,
        lambda s: s.send("POST", "/orders", s.signed("depot", "POST", "/orders", body=b'{"n": 1}'), b'{"n": 2}'),
    ),
    "a body that is not bound": (Code.WRONG_DIGEST, lambda s: s.call("depot", "POST", "/orders", b"{}", htd=None)),
    "a digest that is none": (Code.WRONG_DIGEST, lambda s: s.call("depot", "POST", "/orders", b"{}", htd="sha-256")),
    "an unsigned bearer": (
        Code.FORGED_TOKEN,
        lambda s: _with(s, [("Authorization", f"Bearer {forge.bearer('none', '')}")]),
    ),
    "a bearer signed with a public key": (
        Code.FORGED_TOKEN,
        lambda s: _with(s, [("Authorization", f"Bearer {forge.bearer('HS256', 'c2lnbmF0dXJl')}")]),
    ),
    "no nonce where one is demanded": (
        Code.USE_DPOP_NONCE,
        lambda s: s.call("depot", "POST", "/payments", b"{}", nonce=None),
    ),
    "a nonce of somebody else": (
        Code.USE_DPOP_NONCE,
        lambda s: s.call("depot", "POST", "/payments", b"{}", nonce="A" * 32),
    ),
    "from the past": (Code.USE_DPOP_NONCE, lambda s: _get(s, iat=int(time.time()) - 90, nonce=None)),
    "from the future": (Code.USE_DPOP_NONCE, lambda s: _get(s, iat=int(time.time()) + 60, nonce=None)),
    "a machine elsewhere": (Code.MACHINE_INACTIVE, lambda s: s.call("plant", "GET", "/orders")),
    "a route for another network": (Code.MACHINE_INACTIVE, lambda s: s.call("depot", "GET", "/internal")),
    "without the scope": (Code.SCOPE_DENIED, lambda s: s.call("depot", "GET", "/admin")),
    "without the scope, with a body": (Code.SCOPE_DENIED, lambda s: s.call("office", "POST", "/orders", b"{}")),
    "a key that is not the machine's": (Code.SCOPE_DENIED, lambda s: s.call("single", "GET", "/orders")),
}


@pytest.mark.parametrize("case", CASES)
def test_is_refused(served: Served, case: str) -> None:
    code, send = CASES[case]
    assert_refused(send(served), code)


def test_authorization_in_two_lines(served: Served) -> None:
    lines = [("Authorization", f"Bearer {API_KEY}"), ("Authorization", f"Bearer {OTHER_KEY}")]
    answer = _with(served, lines)
    if served.face.has(Trait.TWO_AUTHORIZATIONS):
        assert_refused(answer, Code.WRONG_BINDING)
    else:
        assert answer.status == 400


def test_a_key_under_a_name_with_an_underscore(served: Served) -> None:
    twin = ("X_API_Key", API_KEY)
    alone, beside = _with(served, [twin]), _with(served, [*KEY, twin])
    if not served.face.has(Trait.TOLD_APART):
        assert (alone.status, beside.status) == (200, 200)
        assert_refused(_with(served, [*KEY, ("X_API_Key", OTHER_KEY)]), Code.WRONG_BINDING)
    elif served.face.has(Trait.UNDERSCORES):
        assert_refused(alone, Code.WRONG_BINDING)
        assert_refused(beside, Code.WRONG_BINDING)
    else:
        assert_refused(alone, Code.MISSING_CREDENTIAL)
        assert beside.status == 200


def _at_host(served: Served, host: str, url: str) -> Response:
    lines = served.signed("depot", "GET", "/orders", htu=url)
    with served.wire() as wire:
        return wire.send(request("GET", f"{served.face.wire}/orders", lines, host=host)).answer()


def test_the_caller_does_not_choose_the_origin(served: Served) -> None:
    elsewhere = f"http://shop.example{served.face.signed}/orders"
    assert_refused(_at_host(served, "shop.example", elsewhere), Code.WRONG_TARGET)
    assert_refused(_at_host(served, "127.0.0.1@shop.example", elsewhere), Code.WRONG_TARGET)
    here = _at_host(served, "shop.example", served.url("/orders"))
    if served.face.origin:
        assert here.status == 200
    else:
        assert_refused(here, Code.WRONG_TARGET)


def test_a_host_in_two_lines(served: Served) -> None:
    answer = served.send("GET", "/orders", [("Host", served.host), *served.signed("depot", "GET", "/orders")])
    assert answer.status in (400, 401), answer


def test_every_worker_refuses_a_replay(served: Served) -> None:
    lines = served.signed("depot", "GET", "/orders")
    assert served.send("GET", "/orders", lines).status == 200
    for answer in served.by_all_workers(lambda: served.send("GET", "/orders", lines)):
        assert_refused(answer, Code.REPLAYED)


_VARIABLE = ("date", "x-worker")


def _told(answer: Response) -> tuple[int, list[tuple[str, str]], bytes]:
    return answer.status, [line for line in answer.lines if line[0] not in _VARIABLE], answer.body


def test_a_thief_is_told_exactly_what_a_retry_is_told(served: Served) -> None:
    """Byte for byte, so that he does not learn that he was noticed; the operator is told them apart."""
    lines, before = served.signed("feed", "GET", "/orders"), len(served.events)
    assert served.send("GET", "/orders", lines).status == 200
    retried = served.send("GET", "/orders", lines)
    replayed = served.send("GET", "/orders", lines, source="127.0.0.2")
    assert_refused(replayed, Code.REPLAYED)
    assert _told(retried) == _told(replayed)
    told = [event for event in served.events[before:] if event.get("machine") == "feed"]
    assert [(event.get("code"), event["level"], event["client"]) for event in told] == [
        (None, "debug", "127.0.0.1"),
        ("retried", "info", "127.0.0.1"),
        ("replayed", "warning", "127.0.0.2"),
    ]
