"""What an inspector does with what was found: modes, allowed ids, keys, verification and trials."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from mfa_middleware.firewall import Evidence, Finding, Inspector, Mode, Policy
from mfa_middleware.firewall.context import Context, Verification
from mfa_middleware.firewall.reading import Reading
from tests.firewall.ring import Ring
from tests.firewall.tokens import CLAIMS, NOW, token, verdict

NONE = token({"alg": "none"}, signature=b"")
ODD = token({"alg": "XS256"})


def inspect(presented: bytes, *, policy: Policy | None = None, **seams: Any) -> Any:
    return Inspector(policy or Policy(), **seams).inspect(presented, "x-api-key", NOW)


def test_an_attack_is_refused_and_policy_is_not() -> None:
    assert verdict(NONE).refused_for == ("alg_none",)
    assert (verdict(ODD).refused_for, [finding.id for finding in verdict(ODD).findings]) == ((), ["alg_unknown"])
    assert (verdict(token()).refused_for, verdict(token()).findings) == ((), ())


def test_report_tells_and_off_does_not_even_look() -> None:
    report = inspect(NONE, policy=Policy(mode=Mode.REPORT))
    assert (report.refused_for, len(report.findings)) == ((), 1)
    off = inspect(NONE, policy=Policy(mode=Mode.OFF))
    assert (off.refused_for, off.findings, off.is_token) == ((), (), True)


def test_an_allowed_id_is_told_and_does_not_cover_others() -> None:
    policy = Policy(allowed=frozenset({"alg_none"}))
    assert (inspect(NONE, policy=policy).refused_for, len(inspect(NONE, policy=policy).findings)) == ((), 1)
    both = token({"alg": "none", "jku": "https://a"}, signature=b"")
    assert inspect(both, policy=policy).refused_for == ("jku_spoof",)


def test_claims_are_told_where_every_parser_reads_the_same() -> None:
    assert verdict(token()).claims == CLAIMS
    assert verdict(token(payload=b'{"sub":"a","sub":"b"}')).claims is None
    assert verdict(token(payload=b'{"sub":"a","sub":"b"}')).unsure_claims == {"sub": "b"}
    assert verdict(token(payload=b'{"sub":"a","n":9007199254740993}')).claims == {"sub": "a", "n": 9007199254740993}


@pytest.mark.parametrize("opaque", [b"opaque", b"sk.live.abc", b"..", b"a.b.c", b"e30.e30.", b"W10.e30.", b"", b"."])
def test_what_is_no_token_has_no_verdict(opaque: bytes) -> None:
    assert verdict(opaque) == ((), (), None, None, False, float("inf"), None)


@pytest.mark.parametrize(
    "cookie",
    [
        b"eyJ1c2VyIjoxfQ.ZxY.abcdefghijkl", b".eJwNyTEOgCAMAMC_.ZxY.abc", b"eyJ1c2VyIjoxfQ:1abc:signature",
        b"v2.public.eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIn0.Zm9v", b"SG.abc.def", b"MTk4NjIy.Cl2FMQ.ZnCjm1XV",
    ],
)  # fmt: skip
def test_signed_cookies_and_other_tokens_are_none_of_ours(cookie: bytes) -> None:
    assert not verdict(cookie).is_token


def failing(*found: Finding) -> Any:
    def verify(_: Reading, __: Context) -> Verification:
        return Verification(False, findings=found, until=NOW + 5)

    return verify


def passing(_: Reading, __: Context) -> Verification:
    return Verification(True, {"sub": "verified"}, until=NOW + 7)


def test_policy_is_refused_where_our_own_verification_fails() -> None:
    policy = Finding("expired_token", Evidence.POLICY, "x-api-key")
    said = inspect(ODD, verify=failing(policy))
    assert (said.refused_for, said.verified, said.until) == (("alg_unknown", "expired_token"), False, NOW + 5)
    said = inspect(token(), verify=failing())
    assert ([finding.id for finding in said.findings], said.refused_for) == (
        ["signature_invalid"],
        ("signature_invalid",),
    )
    report = inspect(ODD, verify=failing(policy), policy=Policy(mode=Mode.REPORT))
    assert report.refused_for == ()


def test_what_verifies_passes_with_its_claims_unless_it_is_an_attack() -> None:
    said = inspect(ODD, verify=passing)
    assert (said.refused_for, said.verified, said.claims, said.until) == ((), True, {"sub": "verified"}, NOW + 7)
    assert inspect(token({"jku": "https://a"}), verify=passing).refused_for == ("jku_spoof",)


def test_a_payload_that_the_signer_chose_is_no_attack() -> None:
    for payload in (b"", b"[]"):
        assert inspect(token(payload=payload), verify=passing).refused_for == ()
        assert inspect(token(payload=payload), verify=failing()).refused_for != ()


def test_trials_are_asked_only_of_what_did_not_verify() -> None:
    asked: list[str] = []

    def trials(reading: Reading, context: Context) -> Iterable[Finding]:
        asked.append(context.place)
        return [context.confirmed("key_confusion"), context.confirmed("key_confusion")]

    assert inspect(token(), verify=passing, trials=trials).findings == ()
    assert asked == []
    hmac = token({"alg": "HS256"})
    policy = Policy(algorithms=frozenset({"RS256"}))
    said = inspect(hmac, policy=policy, verify=failing(), trials=trials)
    assert asked == ["x-api-key"]
    assert [(finding.id, finding.evidence) for finding in said.findings] == [("key_confusion", Evidence.CONFIRMED)]
    assert inspect(token(), trials=trials).refused_for == ("key_confusion",)


def test_the_algorithms_of_the_keys_are_accepted_where_the_app_does_not_say() -> None:
    ring = Ring()
    said = inspect(token({"alg": "HS256", "kid": "a"}), keys=lambda: ring)
    assert said.refused_for == ("key_confusion",)
    assert inspect(token({"alg": "RS256", "kid": "a"}), keys=lambda: ring).findings == ()
    assert [one.id for one in inspect(token({"alg": "PS256"}), keys=lambda: ring).findings] == ["alg_not_accepted"]
