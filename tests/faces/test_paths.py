"""A path means one thing: what was signed, what the app routes on, and what is exempt."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from mfa_middleware.client import sign_headers
from mfa_middleware.errors import Code
from tests.faces.answers import assert_refused
from tests.faces.matrix import Face, Trait
from tests.faces.serving import KEY, Served
from tests.helpers.rawhttp import Lines, request

PATHS = [
    "/orders/a%20b",
    "/orders/%C3%A9t%C3%A9",
    "/orders/%c3%a9",
    "/orders/%E2%98%83",
    "/orders/a;v=1",
    "/orders/a,b:c@d",
    "/orders/a+b",
    "/orders/~a",
    "/orders/%7Ea",
    "/orders/a//b",
    "/orders/a/b/",
    "/orders/!$&'()*",
]
HIDDEN = ["/orders/a%2Fb", "/orders/a%5Cb", "/orders/100%25", "/orders/a%252Fb"]
OTHER_SPELLINGS = [("/orders/%7Ea", "/orders/~a"), ("/orders/%c3%a9", "/orders/%C3%A9"), ("/orders/%61", "/orders/a")]
OTHER_PATHS = [
    ("/orders/a", "/orders/b"),
    ("/orders/a", "/orders/a/"),
    ("/orders/a", "/orders/A"),
    ("/orders/a/b", "/orders/a//b"),
]
# The app answers /health to everybody, and MFA_EXEMPT names /orders/open. These are neither.
DISGUISES = [
    "/health/",
    "//health",
    "/./health",
    "/x/../health",
    "/health%2F",
    "/%2Fhealth",
    "/health%00",
    "/health%20",
    "/health;x",
    "/health/..;/orders",
    "/health/../orders",
    "/health%2F..%2Forders",
    "/health/%2e%2e/orders",
    "/health?/../orders",
    "/orders/../health",
    "/HEALTH",
    "/orders/open/",
    "/orders//open",
    "//orders/open",
    "/orders/./open",
    "/orders/x/../open",
    "/orders/open/..",
    "/orders%2Fopen",
    "/orders/open%2F",
    "/orders/open%00",
    "/orders/open;x",
    "/orders/%6Fpen",
    "/orders/%2e/open",
    "/orders\\open",
    "/orders/open%5C",
    "/orders/OPEN",
]
_HEALTH = {"status": "ok"}
_OPEN = {"machine": None, "order": "open"}


def _signed(served: Served, path: str) -> Lines:
    """As our client signs it."""
    nonce = served.nonce("depot") if served.face.origin else None
    return [*KEY, *sign_headers(served.keys["depot"], "GET", served.url(path), headers=KEY, nonce=nonce).items()]


@pytest.mark.parametrize("path", PATHS)
def test_the_app_gets_the_path_that_was_signed(served: Served, path: str) -> None:
    answer = served.send("GET", path, _signed(served, path))
    assert answer.status == 200, answer
    assert answer.json == {"machine": "depot", "order": unquote(path.removeprefix("/orders/"))}


@pytest.mark.parametrize("path", HIDDEN)
def test_an_escape_that_hides_something_needs_a_server_that_tells_the_raw_path(served: Served, path: str) -> None:
    answer = served.send("GET", path, _signed(served, path))
    if served.face.has(Trait.RAW_PATH) and (served.face.has(Trait.PASSED_ON) or path != "/orders/a%2Fb"):
        assert answer.status == 200, answer
        assert answer.json["order"] == unquote(path.removeprefix("/orders/"))
    else:
        assert_refused(answer, Code.WRONG_TARGET)


def test_a_path_that_a_client_writes_in_unicode(served: Served) -> None:
    answer = served.send("GET", "/orders/%C3%BCber", _signed(served, "/orders/über"))
    assert (answer.status, answer.json) == (200, {"machine": "depot", "order": "über"})


@pytest.mark.parametrize(("sent", "signed"), [*OTHER_SPELLINGS, *((b, a) for a, b in OTHER_SPELLINGS)])
def test_another_spelling_of_the_same_path(served: Served, sent: str, signed: str) -> None:
    assert served.send("GET", sent, _signed(served, signed)).status == 200


@pytest.mark.parametrize(("sent", "signed"), [*OTHER_PATHS, *((b, a) for a, b in OTHER_PATHS)])
def test_a_path_that_only_looks_like_the_one_that_was_signed(served: Served, sent: str, signed: str) -> None:
    assert_refused(served.send("GET", sent, _signed(served, signed)), Code.WRONG_TARGET)


def test_what_is_exempt(served: Served) -> None:
    assert served.send("GET", "/health").json == _HEALTH
    assert served.send("GET", "/orders/open", KEY).json == _OPEN
    assert served.send("GET", "/orders/open?x=1", KEY).status == 200


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_disguise_opens_nothing(served: Served, disguise: str) -> None:
    answer = served.send("GET", disguise, KEY)
    if answer.status == 200:
        assert answer.json == _HEALTH or (_is_undone(served.face, disguise) and answer.json == _OPEN), answer
    assert answer.status < 500, answer


def _is_undone(face: Face, disguise: str) -> bool:
    """Whether the disguise is off before the app sees the path: then that is the exempt path itself."""
    leading = disguise.startswith("//") and not face.has(Trait.LEADING_SLASHES)
    return leading or not (face.has(Trait.RAW_PATH) and face.has(Trait.PASSED_ON))


@pytest.mark.parametrize("target", ["/orders", "/health/../orders", "/orders/open/../1001"])
@pytest.mark.parametrize("host", ["{host}", "other.example", "health"])
def test_a_target_in_absolute_form_opens_nothing(served: Served, target: str, host: str) -> None:
    absolute = f"http://{host.format(host=served.host)}{served.face.wire}{target}"
    for lines in (KEY, served.signed("depot", "GET", "/health")):
        with served.wire() as wire:
            answer = wire.send(request("GET", absolute, lines, host=served.host)).answer()
        assert 400 <= answer.status < 500, answer


@pytest.mark.parametrize(
    "target", [b"*", b"/orders/\xc3\xa9", b"/orders/\xff", b"/orders/a b", b"/orders/a\tb", b"orders", b"/orders/\x00"]
)
def test_a_target_that_is_none_is_refused(served: Served, target: bytes) -> None:
    with served.wire() as wire:
        wire.send(request("GET", target, KEY, host=served.host))
        try:
            answer = wire.answer()
        except EOFError:
            return
    assert 400 <= answer.status < 500, answer
