from __future__ import annotations

import gc
import json
import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.events import Event
from mfa_middleware.firewall.keys import KeyRing, open_keys
from mfa_middleware.firewall.keys.https import FetchError
from mfa_middleware.firewall.keys.ring import KeyRing as Ring
from mfa_middleware.firewall.keys.source import UrlSource
from mfa_middleware.testing import FrozenClock

from .https_server import JwksServer
from .material import NOW, jwk_of, jwks_of, pem_of, private_key, ring_of, secret_jwk

URL = "https://issuer.example/jwks"


class Issuer:
    """A ring over one URL whose answers are chosen here; nothing runs in the background."""

    def __init__(self, *bodies: str | Exception) -> None:
        self.clock = FrozenClock(NOW)
        self.events: list[Event] = []
        self.asked = 0
        self.body: str | Exception = bodies[0] if bodies else FetchError("away")
        source = UrlSource(URL, frozenset(), self._fetch)
        self.ring = Ring([source], clock=self.clock, emit=self.events.append, background=False)

    def _fetch(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        if isinstance(self.body, Exception):
            raise self.body
        return self.body.encode()

    def look(self, after: float = 0.0) -> list[str | None]:
        """The kids in force once that much time has passed."""
        self.clock.advance(after)
        self.ring.poll()
        return sorted(str(key.kid) for key in self.ring.current().keys)

    def told(self) -> list[str]:
        found = [f"{event.kind}: {event.detail}" for event in self.events]
        self.events.clear()
        return found


def ec(kid: str, number: str = "ES256", **more: Any) -> dict[str, Any]:
    return jwk_of(private_key(number), kid=kid, **more)


def test_a_url_is_not_fetched_before_it_is_asked_for() -> None:
    issuer = Issuer(jwks_of(ec("a")))
    assert (issuer.asked, issuer.ring.is_complete, len(issuer.ring.current().keys)) == (0, False, 0)
    assert issuer.look() == ["a"]
    assert issuer.ring.is_complete
    assert issuer.told() == [f"jwt_keys_loaded: MFA_JWT_KEYS: {URL}: 1 keys (ES256 kid 'a')"]


def test_new_keys_count_after_five_minutes_at_most() -> None:
    issuer = Issuer(jwks_of(ec("a")))
    issuer.look()
    issuer.body = jwks_of(ec("b"))
    assert issuer.look(299) == ["a"]
    assert issuer.look(1) == ["b"]
    assert issuer.asked == 2


def test_the_same_set_is_told_once() -> None:
    issuer = Issuer(jwks_of(ec("a")))
    issuer.look()
    before = issuer.ring.current()
    issuer.told()
    issuer.look(300)
    assert (issuer.asked, issuer.told()) == (2, [])
    assert issuer.ring.current() is before


@pytest.mark.parametrize(
    "bad",
    [
        FetchError("answered 500"),
        RuntimeError("unforeseen"),
        "no JSON",
        "[]",
        '{"keys": [1]}',
        '{"keys": []}',
        jwks_of({"kty": "oct", "k": "A" * 43}),
        jwks_of(jwk_of(private_key("ES384"), d="AAAA")),
    ],
    ids=str,
)
def test_the_last_good_keys_stay_and_the_failure_is_told_once(bad: str | Exception) -> None:
    issuer = Issuer(jwks_of(ec("a")))
    issuer.look()
    issuer.told()
    issuer.body = bad
    assert [issuer.look(300) for _ in range(3)] == [["a"]] * 3
    (told,) = issuer.told()
    assert told.startswith(f"jwt_keys_error: MFA_JWT_KEYS: {URL}: ")
    issuer.body = jwks_of(ec("b"))
    assert issuer.look(300) == ["b"]
    assert [told.partition(":")[0] for told in issuer.told()] == ["jwt_keys_loaded"]


def test_a_return_to_the_same_keys_is_told_too() -> None:
    issuer = Issuer(jwks_of(ec("a")))
    issuer.look()
    issuer.body = FetchError("answered 500")
    issuer.look(300)
    issuer.body = jwks_of(ec("a"))
    issuer.told()
    assert issuer.look(300) == ["a"]
    assert [told.partition(":")[0] for told in issuer.told()] == ["jwt_keys_loaded"]


def test_a_server_that_is_away_is_asked_ever_more_rarely() -> None:
    issuer = Issuer()
    issuer.look()
    asked_at = []
    for second in range(1, 1200):
        before = issuer.asked
        issuer.look(1)
        asked_at += [second] if issuer.asked > before else []
    assert asked_at == [5, 15, 35, 75, 155, 315, 615, 915]


def test_one_bad_key_leaves_the_good_ones_and_is_told() -> None:
    bad = [
        jwk_of(private_key("ES384"), kid="private", d="AAAA"),
        ec("wrong-curve", crv="P-384"),
        {"kty": "XYZ", "kid": "new-type"},
        ec("number") | {"kid": 7},
        {"kid": "nothing"},
        {"kty": "RSA", "kid": "weak", "n": "AQAB", "e": "AQAB"},
        secret_jwk(kid="secret"),
    ]
    issuer = Issuer(jwks_of(ec("a"), *bad, jwk_of(private_key("RS256"), kid="b")))
    assert issuer.look() == ["a", "b"]
    (error,) = [told for told in issuer.told() if told.startswith("jwt_keys_error")]
    for number in range(2, 8):
        assert f"key {number} of the set" in error
    assert "secret is published" in error
    issuer.look(300)
    assert issuer.told() == []


def test_two_keys_with_one_kid_do_not_count_and_are_told() -> None:
    issuer = Issuer(jwks_of(ec("a"), jwk_of(private_key("ES384"), kid="a"), jwk_of(private_key("RS256"), kid="b")))
    assert issuer.look() == ["b"]
    assert any("2 different keys have the kid 'a'" in told for told in issuer.told())


def test_a_flood_of_unknown_kids_costs_few_fetches() -> None:
    issuer = Issuer(jwks_of(ec("a")))
    issuer.look()
    for _ in range(3_600):
        for _ in range(50):
            issuer.ring.kid_missing()
        issuer.look(1)
    usual = 3_600 // 300
    assert issuer.asked <= 2 * usual + 8


def test_an_unknown_kid_finds_a_new_key_at_once() -> None:
    issuer = Issuer(jwks_of(ec("a")))
    issuer.look()
    issuer.body = jwks_of(ec("a"), jwk_of(private_key("ES384"), kid="b"))
    assert issuer.look(1) == ["a"]
    issuer.ring.kid_missing()
    assert issuer.look() == ["a", "b"]


def test_text_is_never_looked_at_again() -> None:
    ring = ring_of(pem_of(private_key("ES256")))
    before = ring.current()
    ring.kid_missing()
    ring.poll()
    assert ring.current() is before
    assert ring.is_complete


def follow_file(path: Path, events: list[Event], clock: FrozenClock) -> KeyRing:
    return ring_of(str(path), emit=events.append, clock=clock)


def test_a_file_is_followed(tmp_path: Path) -> None:
    path, events, clock = tmp_path / "keys.json", list[Event](), FrozenClock(NOW)
    path.write_text(jwks_of(ec("a")))
    ring = follow_file(path, events, clock)
    path.write_text(jwks_of(ec("b", "ES384")))
    clock.advance(4)
    ring.poll()
    assert [key.kid for key in ring.current().keys] == ["a"]
    clock.advance(1)
    ring.poll()
    assert [key.kid for key in ring.current().keys] == ["b"]
    assert [event.kind for event in events] == ["jwt_keys_loaded"]


@pytest.mark.parametrize("bad", ["", '{"keys": [', jwks_of(ec("a"), ec("b") | {"d": "AAAA"}), jwks_of(secret_jwk())])
def test_a_file_that_went_bad_leaves_the_last_good_keys(tmp_path: Path, bad: str) -> None:
    path, events, clock = tmp_path / "keys.json", list[Event](), FrozenClock(NOW)
    path.write_text(jwks_of(ec("a")))
    ring = ring_of(str(path), jwk_of(private_key("ES384"), kid="b"), emit=events.append, clock=clock)
    path.write_text(bad)
    for _ in range(3):
        clock.advance(10)
        ring.poll()
    assert [key.kid for key in ring.current().keys] == ["a", "b"]
    assert [(event.kind, event.level) for event in events] == [("jwt_keys_error", logging.WARNING)]
    path.write_text(jwks_of(ec("c")))
    clock.advance(10)
    ring.poll()
    assert [key.kid for key in ring.current().keys] == ["c", "b"]


# The thread, over real servers.


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mfa-jwt-keys"]


def opened(server: JwksServer, events: list[Event] | None = None) -> KeyRing:
    emit = (events if events is not None else []).append
    return open_keys([server.url], ca_file=server.ca_file, emit=emit)


def test_the_keys_come_in_the_background_after_the_first_use(server: JwksServer) -> None:
    server.serve(jwks_of(ec("a")))
    ring = opened(server)
    assert (threads(), server.paths) == ([], [])
    assert ring.current().keys == ()
    until(lambda: bool(ring.current()))
    assert [key.kid for key in ring.current().keys] == ["a"]
    ring.close()
    until(lambda: threads() == [])
    assert ring.current()


def test_no_request_waits_for_a_server_that_hangs(server: JwksServer) -> None:
    server.answer = lambda _: time.sleep(2)
    ring = opened(server)
    started = time.monotonic()
    for _ in range(1000):
        ring.current()
        ring.kid_missing()
    assert time.monotonic() - started < 0.5
    ring.close()
    until(lambda: threads() == [])


def test_many_threads_start_one(server: JwksServer) -> None:
    server.serve(jwks_of(ec("a")))
    ring = opened(server)
    users = [threading.Thread(target=ring.current) for _ in range(32)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    until(lambda: bool(ring.current()))
    assert (len(threads()), len(server.paths)) == (1, 1)
    ring.close()
    until(lambda: threads() == [])


def test_an_unknown_kid_wakes_the_thread(server: JwksServer) -> None:
    server.serve(jwks_of(ec("a")))
    ring = opened(server)
    until(lambda: bool(ring.current()))
    server.serve(jwks_of(ec("b")))
    ring.kid_missing()
    until(lambda: [key.kid for key in ring.current().keys] == ["b"])
    ring.close()
    until(lambda: threads() == [])


def used_once(server: JwksServer) -> KeyRing:
    ring = opened(server)
    until(lambda: bool(ring.current()))
    return ring


def test_a_ring_that_nobody_has_any_more_ends_its_thread(server: JwksServer) -> None:
    server.serve(jwks_of(ec("a")))
    gone = weakref.ref(used_once(server))
    gc.collect()
    until(lambda: gone() is None and threads() == [])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_follows_the_keys_itself(server: JwksServer) -> None:
    server.serve(jwks_of(ec("a")))
    ring = opened(server)
    until(lambda: bool(ring.current()))
    server.serve(jwks_of(ec("b")))
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        ring.current()
        ring.kid_missing()
        deadline = time.monotonic() + 10
        while [key.kid for key in ring.current().keys] != ["b"] and time.monotonic() < deadline:
            time.sleep(0.01)
        os._exit(0 if [key.kid for key in ring.current().keys] == ["b"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    ring.close()
    until(lambda: threads() == [])


def test_any_json_is_a_set_or_a_fault() -> None:
    """No body makes the thread fail in a way that was not foreseen."""
    chance = random.Random(7)
    text = jwks_of(ec("a"), jwk_of(private_key("RS256"), kid="b"), secret_jwk(kid="c"))
    issuer = Issuer()
    for _ in range(300):
        at = chance.randrange(len(text))
        values = ["null", "[]", "{}", '"x"', "1e5", "", '","', "\ud800", "\\ud800"]
        issuer.body = text[:at] + chance.choice(values) + text[at + chance.randrange(4) :]
        try:
            issuer.body.encode()
        except UnicodeEncodeError:
            continue
        issuer.look(300)
    assert not any("it cannot be read (" in told for told in issuer.told())
    json.loads(text)
