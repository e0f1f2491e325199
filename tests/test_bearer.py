from __future__ import annotations

import threading
from typing import Any

import pytest

from mfa_middleware.bearer import Bearer, BearerReader
from mfa_middleware.credentials import Credential, hash_of
from mfa_middleware.firewall import Inspector, Mode, Policy
from tests.helpers.keys import key_for
from tests.helpers.proofs import jws

NOW = 1_800_000_000.0
HONEST = {"iss": "https://idp.example", "sub": "press-4", "exp": NOW + 600}


def credential(token: bytes, place: str = "authorization") -> Credential:
    return Credential(place, hash_of(token), token)


def new_reader(**policy: Any) -> BearerReader:
    return BearerReader(Inspector(Policy(**policy)))


def read(payload: Any, *, reader: BearerReader | None = None) -> Bearer:
    token = jws(key_for("ES256"), {"alg": "ES256"}, payload, signature=bytes(range(1, 65)))
    return (reader or new_reader()).read(credential(token), NOW)


def test_issuer_subject_and_confirmed_key_are_read() -> None:
    bearer = read({**HONEST, "cnf": {"jkt": "abc"}})
    assert (bearer.issuer, bearer.subject, bearer.jkt) == ("https://idp.example", "press-4", "abc")
    assert (bearer.findings, bearer.refused_for, bearer.is_token, bearer.verified) == ((), (), True, None)


@pytest.mark.parametrize(
    "payload", [{}, [], "x", b"junk", b"", {"iss": 1, "sub": ["a"]}, {"cnf": "abc"}, b'{"iss":"a","iss":"b","sub":"c"}']
)
def test_what_is_not_plain_text_in_one_object_is_not_read(payload: Any) -> None:
    bearer = read(payload)
    assert (bearer.issuer, bearer.subject, bearer.jkt) == (None, None, None)


@pytest.mark.parametrize("jkt", [1, None, ["abc"], {"a": 1}, True, ""])
def test_a_confirmed_key_that_is_no_text_matches_no_key(jkt: Any) -> None:
    assert read({"cnf": {"jkt": jkt}}).jkt == ""


def test_another_confirmation_binds_no_key() -> None:
    assert read({"cnf": {"x5t#S256": "abc"}}).jkt is None


def test_an_opaque_credential_says_nothing() -> None:
    assert new_reader().read(credential(b"opaque"), NOW) == Bearer()


@pytest.mark.parametrize("padding", ["=", "=="])
def test_an_encoding_that_only_lenient_libraries_read_does_not_unbind_a_token(padding: str) -> None:
    claims = {**HONEST, "cnf": {"jkt": "abc"}, "x": "a" if padding == "=" else ""}
    honest = jws(key_for("ES256"), {"alg": "ES256"}, claims, signature=bytes(range(1, 65)))
    head, payload, signature = honest.split(b".")
    for padded in (payload + padding.encode(), payload + b"!"):
        assert new_reader().read(credential(b".".join((head, padded, signature))), NOW).jkt == "abc"


def test_padding_as_load_balancers_make_it_keeps_issuer_and_subject() -> None:
    head, payload, signature = jws(key_for("ES256"), {"alg": "ES256"}, HONEST, signature=bytes(range(1, 65))).split(
        b"."
    )
    padded = payload + b"=" * (-len(payload) % 4)
    bearer = new_reader().read(credential(b".".join((head, padded, signature + b"=="))), NOW)
    assert (bearer.issuer, bearer.subject, bearer.refused_for) == ("https://idp.example", "press-4", ())
    assert {finding.id for finding in bearer.findings} == {"base64_padding"}


def test_a_finding_names_the_place_where_it_was_seen() -> None:
    reader, token = new_reader(), b"eyJhbGciOiJub25lIn0.e30."
    assert [
        reader.read(credential(token, place), NOW).findings[0].where for place in ("authorization", "x-api-key")
    ] == ["authorization", "x-api-key"]


def test_a_token_of_more_than_16_kib_is_refused_and_not_read() -> None:
    bearer = read({"iss": "a" * 16_384, "sub": "b"})
    assert (bearer.issuer, bearer.refused_for) == (None, ("oversize_token",))


def test_without_the_firewall_a_bearer_is_still_bound() -> None:
    bearer = read({**HONEST, "cnf": {"jkt": "abc"}, "nbf": "x"}, reader=new_reader(mode=Mode.OFF))
    assert (bearer.subject, bearer.jkt, bearer.findings) == ("press-4", "abc", ())


def test_a_token_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = new_reader()
    first = read(HONEST, reader=reader)
    monkeypatch.setattr(Inspector, "inspect", lambda *_: pytest.fail("read a second time"))
    assert read(HONEST, reader=reader) is first


def test_a_token_is_read_again_once_its_time_changes_what_is_found() -> None:
    reader = new_reader()
    token = credential(jws(key_for("ES256"), {"alg": "ES256"}, HONEST, signature=bytes(range(1, 65))))
    assert reader.read(token, NOW).findings == ()
    assert [finding.id for finding in reader.read(token, NOW + 200_000).findings] == ["expired_token"]


def test_strangers_fill_no_more_than_a_bounded_cache() -> None:
    reader = new_reader()
    for number in range(4_200):
        read({"sub": str(number)}, reader=reader)
    assert len(reader._known) <= 4_096
    assert read({"sub": "late"}, reader=reader).subject == "late"
    before = len(reader._known)
    assert read({"sub": "x" * 600}, reader=reader).subject == "x" * 600
    assert len(reader._known) == before


def test_threads_may_read_at_once_while_the_cache_overflows() -> None:
    reader, errors = new_reader(), []
    header = b"eyJhbGciOiJSUzI1NiJ9"
    tokens = [header + b"." + f"{number:06}".encode() + b".AA" for number in range(9_000)]

    def work() -> None:
        try:
            for token in tokens:
                reader.read(credential(token), NOW)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
