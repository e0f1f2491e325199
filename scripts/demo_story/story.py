"""The story: each scene sends real requests and says what has to come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from mfa_middleware.client import PrivateKey
from scripts.demo_story.app import WORKERS, Answer, App
from scripts.demo_story.machines import API_KEY, FOREIGN_KEY, Cast, Issuer, proof

OK: Final = "accepted"
_KEY: Final = {"X-API-Key": API_KEY}
_PATIENCE: Final = 15.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story. `code` is the code of the refusal, or empty."""

    name: str
    expected: str
    status: int
    code: str
    ok: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """A line that is still to be played: its name, what has to come out, and how to play it."""

    name: str
    expected: str
    play: Callable[[], tuple[Answer, str]]

    def line(self) -> Line:
        answer, note = self.play()
        came = OK if answer.status in (200, 201) else answer.code
        return Line(self.name, self.expected, answer.status, answer.code, came == self.expected, note)


class Story:
    """All scenes, for one running app."""

    def __init__(self, app: App, cast: Cast, key: PrivateKey, issuer: Issuer, requests: int) -> None:
        self._app, self._cast, self._key, self._issuer, self._requests = app, cast, key, issuer, requests
        self._thief = PrivateKey.generate()

    def scenes(self) -> Iterator[Scene]:
        """The scenes in their order; later ones build on earlier ones."""
        yield Scene("a plain key, as it leaked", "missing_proof", self._plain)
        yield Scene("the key with the machine's proof", OK, self._honest)
        yield Scene("the same proof again, to every worker", "replayed", self._replay)
        yield Scene("a thief with a captured proof but no key", "missing_credential", self._proof_without_key)
        yield Scene("a thief with the key and his own machine key", "unknown_machine", self._own_machine)
        yield Scene("the machine with a key that is not one of its own", "scope_denied", self._foreign_key)
        yield Scene("a proof made for another URL", "wrong_target", lambda: self._made_for("GET", "/orders/7"))
        yield Scene("a proof made for another method", "wrong_target", lambda: self._made_for("POST", "/orders"))
        yield Scene("a proof made for another key", "wrong_binding", self._other_key)
        yield Scene("a proof made for another query", "wrong_target", self._other_query)
        yield Scene("a proof made for another body", "wrong_digest", self._other_body)
        yield Scene("a proof that is two minutes old", "use_dpop_nonce", lambda: self._at(-120))
        yield Scene("a proof from two minutes ahead", "use_dpop_nonce", lambda: self._at(120))
        yield Scene("the machine's clock is wrong, but it answers the nonce", OK, self._recovered)
        yield Scene("two proofs in one request", "malformed_proof", self._two_proofs)
        yield Scene("the machine, paused by the operator", "machine_inactive", lambda: self._after("pause", 403))
        yield Scene("the machine, resumed", OK, lambda: self._after("resume", 200))
        yield Scene("a bearer token of the machine's account", OK, lambda: self._bearer(self._issuer.token()))
        unsigned, confused = self._issuer.unsigned_token(), self._issuer.confused_token()
        yield Scene("the same token under alg=none", "forged_token", lambda: self._bearer(unsigned))
        yield Scene("the same token, signed with the public key", "forged_token", lambda: self._bearer(confused))
        yield Scene(f"{self._requests} honest requests in parallel", OK, self._parallel)

    def _send(
        self,
        method: str,
        target: str,
        proofs: list[str],
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        lines = [*(_KEY if headers is None else headers).items(), *(("DPoP", token) for token in proofs)]
        return self._app.send(method, target, lines, body)

    def _proof(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> str:
        return proof(self._key, method, self._app.url(target), _KEY if headers is None else headers, body)

    def _plain(self) -> tuple[Answer, str]:
        return self._send("GET", "/orders", []), ""

    def _honest(self) -> tuple[Answer, str]:
        self._captured = self._proof("GET", "/orders")
        answer = self._send("GET", "/orders", [self._captured])
        return answer, f"worker {answer.worker}"

    def _replay(self) -> tuple[Answer, str]:
        workers, sent, deadline = set[str](), 0, time.monotonic() + _PATIENCE
        while True:
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: self._send("GET", "/orders", [self._captured]), range(8)))
            sent += len(answers)
            wrong = [answer for answer in answers if answer.code != "replayed"]
            workers |= {answer.worker for answer in answers if answer.code == "replayed"}
            if wrong or len(workers) >= WORKERS or time.monotonic() > deadline:
                break
        note = f"{sent} times, by workers {', '.join(sorted(workers))}"
        if not wrong and len(workers) < WORKERS:
            return Answer(0, "not every worker was reached", "", None, b""), note
        return (wrong or answers)[0], note

    def _proof_without_key(self) -> tuple[Answer, str]:
        return self._send("GET", "/orders", [self._proof("GET", "/orders")], {}), ""

    def _own_machine(self) -> tuple[Answer, str]:
        token = proof(self._thief, "GET", self._app.url("/orders"), _KEY)
        return self._send("GET", "/orders", [token]), ""

    def _foreign_key(self) -> tuple[Answer, str]:
        headers = {"X-API-Key": FOREIGN_KEY}
        return self._send("GET", "/orders", [self._proof("GET", "/orders", headers)], headers), ""

    def _made_for(self, method: str, target: str) -> tuple[Answer, str]:
        return self._send("GET", "/orders", [self._proof(method, target)]), ""

    def _other_key(self) -> tuple[Answer, str]:
        return self._send("GET", "/orders", [self._proof("GET", "/orders", {"X-API-Key": FOREIGN_KEY})]), ""

    def _other_query(self) -> tuple[Answer, str]:
        return self._send("GET", "/search?q=all", [self._proof("GET", "/search?q=mine")]), ""

    def _other_body(self) -> tuple[Answer, str]:
        token = self._proof("POST", "/orders", body=b'{"amount": 1}')
        return self._send("POST", "/orders", [token], body=b'{"amount": 1000}'), ""

    def _at(self, ahead: float) -> tuple[Answer, str]:
        token = proof(self._key, "GET", self._app.url("/orders"), _KEY, ahead=ahead)
        answer = self._send("GET", "/orders", [token])
        self._nonce = answer.nonce
        return answer, "not accepted; a nonce is offered" if answer.nonce else ""

    def _recovered(self) -> tuple[Answer, str]:
        token = proof(self._key, "GET", self._app.url("/orders"), _KEY, ahead=120, nonce=self._nonce)
        return self._send("GET", "/orders", [token]), ""

    def _two_proofs(self) -> tuple[Answer, str]:
        return self._send("GET", "/orders", [self._proof("GET", "/orders"), self._proof("GET", "/orders")]), ""

    def _after(self, command: str, status: int) -> tuple[Answer, str]:
        self._cast.command("machines", command, "depot-1")
        began, workers = time.monotonic(), set[str]()
        while True:
            answer = self._send("GET", "/orders", [self._proof("GET", "/orders")])
            if answer.status == status:
                workers.add(answer.worker)
            elapsed = time.monotonic() - began
            if len(workers) >= WORKERS or elapsed > _PATIENCE:
                return answer, f"seen by every worker after {elapsed:.1f} s"

    def _bearer(self, token: str) -> tuple[Answer, str]:
        headers = {"Authorization": f"Bearer {token}"}
        return self._send("GET", "/orders", [self._proof("GET", "/orders", headers)], headers), ""

    def _parallel(self) -> tuple[Answer, str]:
        began = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            answers = list(
                pool.map(lambda _: self._send("GET", "/orders", [self._proof("GET", "/orders")]), range(self._requests))
            )
        elapsed = time.monotonic() - began
        accepted = sum(answer.status == 200 for answer in answers)
        wrong = [answer for answer in answers if answer.status != 200]
        return (wrong or answers)[0], f"{accepted} accepted in {elapsed:.1f} s"
