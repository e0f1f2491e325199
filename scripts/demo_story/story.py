"""The story: each scene sends real requests and says what has to come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.client import HTTPException
from typing import Final, TypeAlias

from mfa_middleware.client import PrivateKey
from scripts.demo_story.app import WORKERS, Answer, App, at_once
from scripts.demo_story.machines import API_KEY, FOREIGN_KEY, MACHINE, Cast, Issuer, proof

OK: Final = "accepted"
_KEY: Final = {"X-API-Key": API_KEY}
_PATIENCE: Final = 6.0

Played: TypeAlias = tuple[Answer, str]
"""The answer that decides, and a note for people."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story. `code` is the code of the refusal, or empty."""

    name: str
    expected: str
    status: int
    code: str
    ok: bool
    note: str = ""

    @property
    def came(self) -> str:
        """What came back, in a word."""
        return self.code or (OK if self.status in (200, 201) else "no code")


@dataclass(frozen=True, slots=True)
class Scene:
    """A line that is still to be played: its name, what has to come out, and how to play it."""

    name: str
    expected: str
    play: Callable[[], Played]

    def line(self) -> Line:
        try:
            answer, note = self.play()
        except (OSError, HTTPException) as error:
            return Line(self.name, self.expected, 0, "no answer", False, f"{type(error).__name__}: {error}")
        line = Line(self.name, self.expected, answer.status, answer.code, False, note)
        return replace(line, ok=line.came == self.expected)


class Story:
    """All scenes, for one running app."""

    def __init__(self, app: App, cast: Cast, key: PrivateKey, issuer: Issuer, requests: int) -> None:
        self._app, self._cast, self._key, self._issuer, self._requests = app, cast, key, issuer, requests
        self._thief = PrivateKey.generate()

    def scenes(self) -> Iterator[Scene]:
        """The scenes in their order; later ones build on earlier ones."""
        yield Scene("a plain key, without a proof", "missing_proof", self._plain)
        yield Scene("the key with the machine's proof", OK, self._honest)
        yield Scene("the same proof again, to every worker", "replayed", self._replay)
        yield Scene("a thief with the key and no machine", "missing_proof", self._no_machine)
        yield Scene("a thief with the key and his own machine key", "unknown_machine", self._own_machine)
        yield Scene("a thief with a fresh proof and no key", "missing_credential", self._no_key)
        yield Scene("the machine with a key that is not one of its own", "scope_denied", self._foreign_key)
        yield Scene("a proof made for another URL", "wrong_target", lambda: self._made_for("GET", "/orders/7"))
        yield Scene("a proof made for another method", "wrong_target", lambda: self._made_for("POST", "/orders"))
        yield Scene("a proof made for another key", "wrong_binding", self._other_key)
        yield Scene("a proof made for another query", "wrong_target", self._other_query)
        yield Scene("a proof made for another body", "wrong_digest", self._other_body)
        yield Scene("a proof that is two minutes old", "use_dpop_nonce", lambda: self._at(-120))
        yield Scene("a proof from two minutes ahead", "use_dpop_nonce", lambda: self._at(120))
        yield Scene("the same wrong clock, answering the nonce", OK, self._recovered)
        yield Scene("two proofs in one request", "malformed_proof", self._two_proofs)
        yield Scene("the machine, paused by the operator", "machine_inactive", lambda: self._after("pause", 403))
        yield Scene("the machine, resumed", OK, lambda: self._after("resume", 200))
        yield Scene("a bearer token of the machine's account", OK, lambda: self._bearer(self._issuer.token()))
        unsigned, confused = self._issuer.unsigned_token(), self._issuer.confused_token()
        yield Scene("the same token under alg=none", "forged_token", lambda: self._bearer(unsigned))
        yield Scene("the same token, signed with the public key", "forged_token", lambda: self._bearer(confused))
        yield Scene(f"{self._requests} honest requests in parallel", OK, self._parallel)

    def _send(
        self, method: str, target: str, proofs: list[str], headers: dict[str, str] = _KEY, body: bytes | None = None
    ) -> Answer:
        lines = [*headers.items(), *(("DPoP", token) for token in proofs)]
        return self._app.send(method, target, lines, body)

    def _proof(self, method: str, target: str, headers: dict[str, str] = _KEY, body: bytes | None = None) -> str:
        return proof(self._key, method, self._app.url(target), headers, body)

    def _plain(self) -> Played:
        return self._send("GET", "/orders", []), ""

    def _honest(self) -> Played:
        self._captured = self._proof("GET", "/orders")
        answer = self._send("GET", "/orders", [self._captured])
        return answer, f"by worker {answer.worker}"

    def _replay(self) -> Played:
        answer, sent, workers, _ = self._until_every_worker(
            lambda: self._send("GET", "/orders", [self._captured]), lambda answer: answer.code == "replayed"
        )
        return answer, f"{sent} times; refused by workers {' and '.join(workers)}"

    def _until_every_worker(
        self, send: Callable[[], Answer], good: Callable[[Answer], bool], *, patient: bool = False
    ) -> tuple[Answer, int, list[str], float]:
        """Send until every worker gave a good answer: the last answer, how many there were, the workers, seconds.

        An answer that is not good ends it, unless `patient`.
        """
        began, sent, workers = time.monotonic(), 0, set[str]()
        while True:
            answers = at_once(send)
            sent += len(answers)
            workers |= {answer.worker for answer in answers if good(answer)}
            wrong = [answer for answer in answers if not good(answer)]
            elapsed = time.monotonic() - began
            if len(workers) >= WORKERS and not wrong:
                return answers[-1], sent, sorted(workers), elapsed
            if (wrong and not patient) or elapsed > _PATIENCE:
                answer = wrong[0] if wrong else Answer(0, "not every worker answered")
                return answer, sent, sorted(workers), elapsed

    def _no_machine(self) -> Played:
        return self._send("POST", "/orders", [], body=b'{"amount": 1000}'), ""

    def _own_machine(self) -> Played:
        token = proof(self._thief, "GET", self._app.url("/orders"), _KEY)
        return self._send("GET", "/orders", [token]), ""

    def _no_key(self) -> Played:
        return self._send("GET", "/orders", [self._proof("GET", "/orders")], {}), ""

    def _foreign_key(self) -> Played:
        headers = {"X-API-Key": FOREIGN_KEY}
        return self._send("GET", "/orders", [self._proof("GET", "/orders", headers)], headers), ""

    def _made_for(self, method: str, target: str) -> Played:
        return self._send("GET", "/orders", [self._proof(method, target)]), ""

    def _other_key(self) -> Played:
        return self._send("GET", "/orders", [self._proof("GET", "/orders", {"X-API-Key": FOREIGN_KEY})]), ""

    def _other_query(self) -> Played:
        return self._send("GET", "/search?q=all", [self._proof("GET", "/search?q=mine")]), ""

    def _other_body(self) -> Played:
        token = self._proof("POST", "/orders", body=b'{"amount": 1}')
        return self._send("POST", "/orders", [token], body=b'{"amount": 1000}'), ""

    def _at(self, ahead: float) -> Played:
        token = proof(self._key, "GET", self._app.url("/orders"), _KEY, ahead=ahead)
        answer = self._send("GET", "/orders", [token])
        self._nonce = answer.nonce
        return answer, "a nonce is offered" if answer.nonce else "no nonce is offered"

    def _recovered(self) -> Played:
        token = proof(self._key, "GET", self._app.url("/orders"), _KEY, ahead=120, nonce=self._nonce)
        return self._send("GET", "/orders", [token]), ""

    def _two_proofs(self) -> Played:
        return self._send("GET", "/orders", [self._proof("GET", "/orders"), self._proof("GET", "/orders")]), ""

    def _after(self, command: str, status: int) -> Played:
        self._cast.command("machines", command, MACHINE)
        answer, _, _, elapsed = self._until_every_worker(
            lambda: self._send("GET", "/orders", [self._proof("GET", "/orders")]),
            lambda answer: answer.status == status,
            patient=True,
        )
        return answer, f"seen by every worker after {elapsed:.1f} s"

    def _bearer(self, token: str) -> Played:
        headers = {"Authorization": f"Bearer {token}"}
        return self._send("GET", "/orders", [self._proof("GET", "/orders", headers)], headers), ""

    def _parallel(self) -> Played:
        began = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: self._honestly(), range(self._requests)))
        wrong = [answer for answer in answers if answer.status != 200]
        accepted, elapsed = len(answers) - len(wrong), time.monotonic() - began
        return (wrong or answers)[0], f"{accepted} accepted in {elapsed:.1f} s"

    def _honestly(self) -> Answer:
        return self._send("GET", "/orders", [self._proof("GET", "/orders")])
