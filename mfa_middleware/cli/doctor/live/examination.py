"""The checks of a running app, in their order; each step is taken only where the one before shows that it may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from mfa_middleware.cli.doctor.findings import Check, Checks, Status, fail, ok, skipped, warn
from mfa_middleware.cli.doctor.live.call import Address, Call, Lines
from mfa_middleware.cli.doctor.live.tally import Tally
from mfa_middleware.cli.doctor.live.verdict import REPLAY, SINGLE_USE, advice_on, hints_in, judge_first, judge_replay
from mfa_middleware.cli.doctor.live.volley import addresses, volley
from mfa_middleware.cli.doctor.live.wire import Answer, NoAnswer
from mfa_middleware.client.signer import Exchange
from mfa_middleware.clock import Clock
from mfa_middleware.errors import Code
from mfa_middleware.jose.jwk import thumbprint
from mfa_middleware.replay.base import SKEW_SECONDS

__all__ = ["check_app"]

_REACHED, _CLOCK, _PROTECTED = "app-reached", "app-clock", "app-protected"
_ROUNDING: Final = 1.5
"""A Date header counts whole seconds, and servers write it up to once a second."""

Answers = Sequence[Answer | NoAnswer]


def check_app(call: Call, clock: Clock) -> Checks:
    """Ask without a proof, then send one proof on many connections, then the same once more."""
    try:
        places = addresses(call)
    except (OSError, UnicodeError):
        yield from _unreached(call, f"the name {call.address[0]} is not known")
        return
    unsigned = volley(call, call.headers, places, len(places))
    reached = {place: answer for place, answer in zip(places, unsigned, strict=True) if isinstance(answer, Answer)}
    silent = {place: answer for place, answer in zip(places, unsigned, strict=True) if isinstance(answer, NoAnswer)}
    if not reached or (call.at and silent):
        place, answer = next(iter(silent.items()))
        yield from _unreached(call, f"{call.target.origin} at {_listed([place])}: {answer.reason}")
        return
    yield ok(_REACHED, f"{call.target.origin} answers, at {_listed(reached)}")
    yield _check_clock(list(reached.values()))
    protected = _check_protected(call, list(reached.values()))
    yield protected
    if protected.status is Status.FAIL:
        yield from (skipped(name, f"{_PROTECTED} must hold first") for name in (SINGLE_USE, REPLAY))
        return
    yield from _check_single_use(call, list(reached), clock)


def _unreached(call: Call, why: str) -> Checks:
    option = "--at" if call.at else "--url"
    cures = {"certificate": "name a private CA by SSL_CERT_FILE", "TLS": "write http:// in --url where there is no TLS"}
    cure = next((cure for word, cure in cures.items() if word in why), "start the app")
    yield fail(_REACHED, why, f"{cure}, or correct {option}")
    yield from (skipped(name, "the app is not reached") for name in (_CLOCK, _PROTECTED, SINGLE_USE, REPLAY))


def _listed(places: Iterable[Address]) -> str:
    return ", ".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in places)


def _check_clock(answers: Sequence[Answer]) -> Check:
    offsets = [offset for answer in answers if (offset := _offset(answer)) is not None]
    if not offsets:
        return skipped(_CLOCK, "the answer has no Date that could be read")
    worst = max(offsets, key=abs)
    text = f"this host's clock is {abs(worst):.0f} s {'ahead of' if worst > 0 else 'behind'} the Date of the answer"
    if abs(worst) > SKEW_SECONDS + _ROUNDING:
        return warn(_CLOCK, text, f"set the wrong one by NTP; hosts may be {SKEW_SECONDS:.0f} s off")
    return ok(_CLOCK, f"within {abs(worst) + _ROUNDING:.0f} s of the Date of the answer")


def _offset(answer: Answer) -> float | None:
    try:
        return answer.at - parsedate_to_datetime(answer.one("date") or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _check_protected(call: Call, answers: Sequence[Answer]) -> Check:
    """What was sent had the credential and no proof."""
    passed = [answer.status for answer in answers if answer.code is None]
    if passed:
        return fail(
            _PROTECTED,
            f"a request without any proof was answered {passed[0]}, not refused by mfa_middleware",
            "MFA_MODE=enforce, no exemption of this path, and the middleware in the app; or name another path in --url",
        )
    odd = [answer for answer in answers if answer.code is not Code.MISSING_PROOF]
    if odd and odd[0].code is not None:
        text = f"a request without a proof was refused as {odd[0].code}{hints_in(odd, call.secrets(call.headers))}"
        return fail(_PROTECTED, text, advice_on(odd[0].code))
    return ok(_PROTECTED, "a request with the credential alone is refused (missing_proof)")


def _check_single_use(call: Call, places: Sequence[Address], clock: Clock) -> Checks:
    lines, answers = _first_round(call, places, call.exchange(clock))
    tally, hints = Tally.of(answers), hints_in(answers, call.secrets(lines))
    first = judge_first(tally, hints, thumbprint(call.key.public_jwk))
    yield first
    if first.status is Status.FAIL or not tally.wins:
        yield skipped(REPLAY, f"{SINGLE_USE} must hold first")
        return
    yield judge_replay(Tally.of(volley(call, lines, places, call.workers)))


def _first_round(call: Call, places: Sequence[Address], exchange: Exchange) -> tuple[Lines, Answers]:
    """What was sent, and the answers; with another proof, where a nonce or the time had to be learnt first."""
    lines = call.signed(exchange)
    answers = volley(call, lines, places, call.workers)
    while Tally.of(answers).wins <= 1 and _learnt(exchange, answers):
        lines = call.signed(exchange)
        answers = volley(call, lines, places, call.workers)
    return lines, answers


def _learnt(exchange: Exchange, answers: Answers) -> bool:
    """Whether an answer told what to sign otherwise: a nonce, or the offset of the clocks, each once."""
    told = (answer for answer in answers if isinstance(answer, Answer) and answer.code is not None)
    return any(exchange.learn(answer.status, answer.headers, answer.body) for answer in told)
