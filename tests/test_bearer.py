from __future__ import annotations

import threading
from typing import Any

import pytest

from mfa_middleware import bearer as bearer_module
from mfa_middleware.bearer import Bearer, BearerReader
from mfa_middleware.credentials import Credential, hash_of
from tests.helpers.keys import key_for
from tests.helpers.proofs import jws


def credential(token: bytes, place: str = "authorization") -> Credential:
    return Credential(place, hash_of(token), token)


def read(payload: Any, *, reader: BearerReader | None = None) -> Bearer:
    token = jws(key_for("ES256"), {"alg": "ES256"}, payload, signature=b"s")
    return (reader or BearerReader(frozenset())).read(credential(token))


def test_issuer_subject_and_confirmed_key_are_read() -> None:
    bearer = read({"iss": "https://idp.example", "sub": "press-4", "cnf": {"jkt": "abc"}, "exp": 1})
    assert (bearer.issuer, bearer.subject, bearer.jkt) == ("https://idp.example", "press-4", "abc")


@pytest.mark.parametrize(
    "payload", [{}, [], "x", b"junk", b"", {"iss": 1, "sub": ["a"]}, {"cnf": "abc"}, b'{"iss":"a","iss":"b","sub":"c"}']
)
def test_what_is_not_plain_text_in_one_object_is_not_read(payload: Any) -> None:
    assert read(payload) == Bearer()


@pytest.mark.parametrize("jkt", [1, None, ["abc"], {"a": 1}, True, ""])
def test_a_confirmed_key_that_is_no_text_matches_no_key(jkt: Any) -> None:
    assert read({"cnf": {"jkt": jkt}}).jkt == ""


def test_another_confirmation_binds_no_key() -> None:
    assert read({"cnf": {"x5t#S256": "abc"}}).jkt is None


def test_an_opaque_credential_says_nothing() -> None:
    assert BearerReader(frozenset()).read(credential(b"opaque")) == Bearer()


def test_a_finding_names_the_place_where_it_was_seen() -> None:
    reader, token = BearerReader(frozenset()), b"eyJhbGciOiJub25lIn0.e30."
    assert [reader.read(credential(token, place)).findings[0].where for place in ("authorization", "x-api-key")] == [
        "authorization",
        "x-api-key",
    ]


def test_a_token_of_more_than_16_kib_is_inspected_and_not_read() -> None:
    bearer = read({"iss": "a" * 16_384, "sub": "b"})
    assert bearer == Bearer()


def test_a_token_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = BearerReader(frozenset())
    first = read({"iss": "i", "sub": "s"}, reader=reader)
    monkeypatch.setattr(bearer_module, "inspect", lambda *_: pytest.fail("read a second time"))
    assert read({"iss": "i", "sub": "s"}, reader=reader) is first


def test_strangers_fill_no_more_than_a_bounded_cache() -> None:
    reader = BearerReader(frozenset())
    for number in range(4_200):
        read({"sub": str(number)}, reader=reader)
    assert len(reader._read) <= 4_096
    assert read({"sub": "late"}, reader=reader).subject == "late"
    before = len(reader._read)
    assert read({"sub": "x" * 600}, reader=reader).subject == "x" * 600
    assert len(reader._read) == before


def test_threads_may_read_at_once_while_the_cache_overflows() -> None:
    reader, errors = BearerReader(frozenset()), []
    tokens = [b"e30." + f"{number:06}".encode() + b".AA" for number in range(9_000)]

    def work() -> None:
        try:
            for token in tokens:
                reader.read(credential(token))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
