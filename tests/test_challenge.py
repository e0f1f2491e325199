from __future__ import annotations

import json
import re

import pytest

from mfa_middleware.challenge import Challenger, with_exposed_headers
from mfa_middleware.errors import REFUSALS, Code, Refusal

CHALLENGER = Challenger(["ES256", "EdDSA"])
QUOTED = re.compile(r'([a-z_]+)="([\x20\x21\x23-\x5b\x5d-\x7e]*)"')


def headers(refusal: Refusal, *, nonce: str | None = None, cors: bool = False) -> dict[str, str]:
    answer = CHALLENGER.answer(refusal, nonce=nonce, cors=cors)
    assert len({name for name, _ in answer.headers}) == len(answer.headers)
    return dict(answer.headers)


STATUS = {
    401: [
        Code.MISSING_CREDENTIAL,
        Code.MISSING_PROOF,
        Code.MALFORMED_PROOF,
        Code.UNSUPPORTED_ALG,
        Code.UNKNOWN_MACHINE,
        Code.STALE_PROOF,
        Code.WRONG_TARGET,
        Code.WRONG_BINDING,
        Code.BAD_SIGNATURE,
        Code.WRONG_DIGEST,
        Code.REPLAYED,
        Code.RETRIED,
        Code.FORGED_TOKEN,
        Code.USE_DPOP_NONCE,
    ],
    403: [Code.MACHINE_INACTIVE, Code.SCOPE_DENIED],
    413: [Code.BODY_TOO_LARGE],
    429: [Code.MACHINE_QUOTA],
    503: [Code.STORE_UNAVAILABLE, Code.STORE_FULL],
}


def test_every_code_has_its_status() -> None:
    assert {code: status for status, codes in STATUS.items() for code in codes} == {
        code: REFUSALS[code].status for code in Code
    }


@pytest.mark.parametrize("code", list(Code))
class TestEveryCode:
    def test_the_body_is_a_problem_document(self, code: Code) -> None:
        answer = CHALLENGER.answer(Refusal(code, "for the operator"))
        document = json.loads(answer.body)
        assert document.keys() == {"type", "title", "status", "code", "detail"}
        told = Refusal(code, "").told.value
        assert (document["type"], document["status"], document["code"]) == ("about:blank", answer.status, told)
        assert document["title"] == answer.status_line.partition(" ")[2]
        assert dict(answer.headers)["Content-Type"] == "application/problem+json"
        assert dict(answer.headers)["Content-Length"] == str(len(answer.body))

    def test_the_operators_detail_is_not_told(self, code: Code) -> None:
        answer = CHALLENGER.answer(Refusal(code, "for the operator"))
        assert "for the operator" not in answer.body.decode() + repr(answer.headers)

    def test_it_is_not_stored(self, code: Code) -> None:
        assert headers(Refusal(code, ""))["Cache-Control"] == "no-store"

    def test_a_challenge_stands_where_authentication_is_missing_and_nowhere_else(self, code: Code) -> None:
        challenge = headers(Refusal(code, "")).get("WWW-Authenticate")
        assert (challenge is not None) == (REFUSALS[code].status == 401 or code is Code.SCOPE_DENIED)
        if challenge is not None:
            scheme, _, parameters = challenge.partition(" ")
            assert scheme == "DPoP"
            parsed = dict(QUOTED.findall(parameters))
            assert ", ".join(f'{name}="{value}"' for name, value in parsed.items()) == parameters
            assert parsed.pop("algs") == "ES256 EdDSA"
            assert parsed == ({"error": REFUSALS[code].error} if REFUSALS[code].error else {})

    def test_a_client_is_told_when_to_try_again_where_that_helps(self, code: Code) -> None:
        wanted = code in (Code.MACHINE_QUOTA, Code.STORE_UNAVAILABLE, Code.STORE_FULL)
        assert headers(Refusal(code, "")).get("Retry-After", "").isdigit() == wanted


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (Code.MISSING_PROOF, "invalid_dpop_proof"),
        (Code.REPLAYED, "invalid_dpop_proof"),
        (Code.USE_DPOP_NONCE, "use_dpop_nonce"),
        (Code.FORGED_TOKEN, "invalid_token"),
        (Code.SCOPE_DENIED, "insufficient_scope"),
        (Code.MISSING_CREDENTIAL, None),
    ],
)
def test_errors_are_those_of_the_standards(code: Code, error: str | None) -> None:
    assert REFUSALS[code].error == error


def test_a_caller_who_sent_nothing_is_told_no_error() -> None:
    refusal = Refusal(Code.MISSING_PROOF, "there is no DPoP header", nothing_sent=True)
    assert headers(refusal)["WWW-Authenticate"] == 'DPoP algs="ES256 EdDSA"'


def test_a_thief_is_told_exactly_what_a_retry_is_told() -> None:
    retried, replayed = Refusal(Code.RETRIED, "from 192.0.2.1"), Refusal(Code.REPLAYED, "from elsewhere")
    for cors in (False, True):
        assert CHALLENGER.answer(retried, cors=cors) == CHALLENGER.answer(replayed, cors=cors)
    assert {code: Refusal(code, "").told for code in Code if Refusal(code, "").told is not code} == {
        Code.RETRIED: Code.REPLAYED
    }


def test_a_nonce_goes_into_its_header() -> None:
    assert headers(Refusal(Code.USE_DPOP_NONCE, ""), nonce="abc")["DPoP-Nonce"] == "abc"
    assert "DPoP-Nonce" not in headers(Refusal(Code.USE_DPOP_NONCE, ""))


def test_a_script_of_another_origin_may_read_what_it_needs() -> None:
    assert (
        headers(Refusal(Code.REPLAYED, ""), cors=True)["Access-Control-Expose-Headers"]
        == "DPoP-Nonce, WWW-Authenticate"
    )
    assert "Access-Control-Expose-Headers" not in headers(Refusal(Code.REPLAYED, ""))


def test_hints_are_members_of_the_problem() -> None:
    hints = {"clock_offset": -31.5, "expected_htu": 'https://a/"\r\n\u2028\xe9'}
    body = CHALLENGER.answer(Refusal(Code.STALE_PROOF, "", hints=hints)).body
    assert body.isascii()
    assert b"\n" not in body
    assert json.loads(body).items() >= hints.items()


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        (None, "DPoP-Nonce, WWW-Authenticate"),
        ("", "DPoP-Nonce, WWW-Authenticate"),
        ("X-A", "X-A, DPoP-Nonce, WWW-Authenticate"),
        ("dpop-nonce,X-A", "dpop-nonce, X-A, WWW-Authenticate"),
        ("DPoP-Nonce, www-authenticate", "DPoP-Nonce, www-authenticate"),
        ("*", "*, DPoP-Nonce, WWW-Authenticate"),
    ],
)
def test_exposed_headers_keep_what_the_app_exposes(existing: str | None, expected: str) -> None:
    assert with_exposed_headers(existing) == expected
