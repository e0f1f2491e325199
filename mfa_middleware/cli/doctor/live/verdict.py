"""What the answers to one proof on many connections say about the workers, and what to change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from mfa_middleware.cli.doctor.findings import Check, fail, ok, warn
from mfa_middleware.cli.doctor.live.tally import Tally
from mfa_middleware.cli.doctor.live.wire import Answer, NoAnswer
from mfa_middleware.cli.summary.advice import ADVICE
from mfa_middleware.errors import Code

__all__ = ["REPLAY", "SINGLE_USE", "advice_on", "hints_in", "judge_first", "judge_replay"]

SINGLE_USE: Final = "app-single-use"
REPLAY: Final = "app-replay"

_SHARE: Final = (
    "the workers do not share their store: MFA_REPLAY_STORE=shared: with one user, one MFA_APP and one container for "
    "all workers; for several hosts redis://HOST"
)
_ALIKE: Final = "give all workers the same settings and the same MFA_MACHINES, and restart them all; or " + _SHARE
_AGAIN: Final = "run it again when the app is less busy, with fewer --workers or a longer --timeout"
_HINTS: Final = (
    "expected_htu", "signed_htu", "settings", "clock_offset", "reason", "credential_place", "wrong_claim",
    "missing_claim",
)  # fmt: skip
_LONGEST_HINT: Final = 200
_PART: Final = 12
_OWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        Code.MISSING_CREDENTIAL: "give the header with the credential: --header 'X-API-Key: @FILE'; see also --places",
        Code.USE_DPOP_NONCE: f"the app demands a nonce and knows none that it gave: {_SHARE}",
        Code.REPLAYED: "another copy was first: look for a proxy that repeats or mirrors requests",
        Code.STORE_UNAVAILABLE: "the replay store could not answer: see the checks of the store, and the app's events",
    }
)


def judge_first(tally: Tally, hints: str, thumbprint: str) -> Check:
    """The verdict on the first round, in which one copy must be accepted and all others refused as replayed."""
    if tally.wins > 1:
        return fail(SINGLE_USE, f"one proof was accepted {tally.wins} times: {tally}", _SHARE)
    if tally.wins == 0 and not tally.lost:
        code = tally.refused.most_common(1)[0][0]
        whose = f"; the key has the thumbprint {thumbprint}" if code is Code.UNKNOWN_MACHINE else ""
        return fail(SINGLE_USE, f"the proof was never accepted: {tally}{hints}{whose}", advice_on(code))
    if tally.strays:
        return fail(SINGLE_USE, f"some workers judge otherwise: {tally}{hints}", _on_strays(tally))
    if tally.lost:
        return warn(SINGLE_USE, f"accepted {tally.wins} times, as far as is known: {tally}", _AGAIN)
    return ok(SINGLE_USE, f"one proof on {tally.refused.total() + 1} connections at once: {tally}")


def judge_replay(tally: Tally) -> Check:
    """The verdict on the second round, in which all copies of the used proof must be refused as replayed."""
    if tally.wins:
        return fail(REPLAY, f"a used proof was accepted {tally.wins} times more: {tally}", _SHARE)
    if tally.strays:
        return fail(REPLAY, f"some workers judge otherwise: {tally}", _on_strays(tally))
    if tally.lost:
        return warn(REPLAY, f"the used proof was not accepted, as far as is known: {tally}", _AGAIN)
    return ok(REPLAY, f"the used proof once more: {tally}")


def _on_strays(tally: Tally) -> str:
    """A worker that asks for a nonce although the proof has one has not made it, and not its store."""
    return _SHARE if tally.strays == [Code.USE_DPOP_NONCE] else _ALIKE


def advice_on(code: Code) -> str:
    """What to do about a refusal."""
    return _OWN.get(code) or ADVICE[code]


def hints_in(answers: Iterable[Answer | NoAnswer], secrets: Sequence[str]) -> str:
    """What the first refusal that explains itself tells a caller with an enrolled key.

    Who answers may be anybody and repeat what was sent: a hint with a part of a secret in it is not shown.
    """
    for answer in answers:
        problem = answer.problem if isinstance(answer, Answer) else None
        told = {name: problem[name] for name in _HINTS if name in problem} if problem else {}
        plain = {name: str(value) for name, value in told.items() if isinstance(value, str | int | float)}
        shown = {name: text[:_LONGEST_HINT] for name, text in plain.items() if not _repeats(text, secrets)}
        if shown:
            return " (" + ", ".join(f"{name}: {text}" for name, text in shown.items()) + ")"
    return ""


def _repeats(text: str, secrets: Sequence[str]) -> bool:
    return any(part in text for secret in secrets for part in _parts(secret))


def _parts(secret: str) -> Iterator[str]:
    """Every run of so many characters, or all of a shorter one."""
    return (secret[at : at + _PART] for at in range(max(1, len(secret) - _PART + 1)))
