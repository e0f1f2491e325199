"""A guard with one enrolled machine, a frozen clock and a fresh store; it can be driven as a whole or step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code
from mfa_middleware.guard import Guard
from mfa_middleware.http import Request
from mfa_middleware.machines import Machine, Permits
from mfa_middleware.proofs.nonce import Issued, NonceMint
from mfa_middleware.replay import ReplayStore, StoreState, open_store
from mfa_middleware.route import PROTECTED, Route
from mfa_middleware.settings import Settings
from mfa_middleware.steps import Resources, Step, run
from mfa_middleware.testing.clock import FrozenClock

from .keys import KeyPair, key_for
from .proofs import ath, proof

NOW: Final = 1_800_000_000.0
ORIGIN: Final = "https://api.example.com"
TOKEN: Final = "key-of-the-first-factor"


class FakeRegistry:
    """Machines in a dict; it counts what it is asked."""

    blocking: ClassVar[bool] = False

    def __init__(self, *machines: Machine) -> None:
        self.machines = {machine.thumbprint: machine for machine in machines}
        self.asked: list[str] = []
        self.proposed: list[tuple[Mapping[str, Any], str]] = []
        self.seen_ids: list[str] = []
        self.closed = False

    def find(self, thumbprint: str) -> Machine | None:
        self.asked.append(thumbprint)
        return self.machines.get(thumbprint)

    async def find_async(self, thumbprint: str) -> Machine | None:
        return self.find(thumbprint)

    def knows_credential(self, ath: str, issuer: str | None, subject: str | None) -> bool:
        permits = [machine.credentials for machine in self.machines.values()]
        return any(ath in one.hashes or (issuer, subject) in one.subjects for one in permits)

    def seen(self, machine: Machine) -> None:
        self.seen_ids.append(machine.id)

    def propose(self, jwk: Mapping[str, Any], algorithm: str) -> None:
        self.proposed.append((jwk, algorithm))

    def close(self) -> None:
        self.closed = True


def machine_of(key: KeyPair, **changes: Any) -> Machine:
    machine = Machine(
        id="press-4",
        name="Press 4",
        thumbprint=key.thumbprint,
        jwk=key.jwk,
        algorithm=key.alg,
        credentials=Permits(any=True),
    )
    return replace(machine, **changes)


class Nonces:
    """Nonces of a store, as its guard mints and reads them."""

    def __init__(self, state: Callable[[], StoreState], secret: bytes | None = None) -> None:
        self._state, self._mint = state, NonceMint(secret)

    def mint(self, thumbprint: str, now: float) -> str:
        return self._mint.mint(self._state(), thumbprint, now)

    def issued(self, nonce: object, thumbprint: str, now: float) -> Issued | None:
        return self._mint.issued(self._state(), nonce, thumbprint, now)


class Bench:
    """`check` sends an honest request, changed as the test says, and returns the Decision."""

    def __init__(
        self,
        *,
        key: KeyPair | None = None,
        machine: Mapping[str, Any] | None = None,
        store: ReplayStore | None = None,
        never_cold: bool = True,
        **settings: Any,
    ) -> None:
        self.clock = FrozenClock(NOW)
        self.key = key or key_for("ES256")
        self.machine = machine_of(self.key, **(machine or {}))
        self.registry = FakeRegistry(self.machine)
        self.settings = Settings.load({"origins": ORIGIN, **settings}, environ={})
        self.store = store or open_store(
            "memory:", capacity=1_000, quota=1_000, app="test", never_cold=never_cold, clock=self.clock
        )
        self.nonces = Nonces(self.store.state, self.settings.secret)
        self.guard = Guard(self.settings, self.store.state, self.clock)
        self.body = b""
        self.bodies_read: list[int] = []

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of an honest proof for `request()`."""
        return {"htm": "GET", "htu": f"{ORIGIN}/orders/1", "iat": int(self.clock.wall()), "ath": ath(TOKEN)} | changes

    def proof(self, *, key: KeyPair | None = None, header: Mapping[str, Any] | None = None, **claims: Any) -> bytes:
        """An honest proof for `request()`, changed claim by claim."""
        return proof(key or self.key, self.claims(**claims), header=header)

    def request(self, *proofs: bytes, headers: Iterable[tuple[bytes, bytes]] | None = None, **changes: Any) -> Request:
        """GET /orders/1 with the credential, and these proofs."""
        given = [(b"host", b"api.example.com"), (b"authorization", f"DPoP {TOKEN}".encode())]
        pairs = [*(given if headers is None else headers), *((b"dpop", one) for one in proofs)]
        values = {"method": "GET", "scheme": "https", "raw_path": "/orders/1", "query": b"", "routed_path": "/orders/1"}
        request = Request(**(values | {"headers": pairs, "peer": "203.0.113.7", "local": "10.0.0.1"} | changes))
        return request if "routed_path" in changes else request._replace(routed_path=request.raw_path)

    def decide(self, request: Request, route: Route = PROTECTED) -> Decision:
        decision = run(self.guard.check(request, route), Resources(self.registry, self.store, self._read_body))
        assert decision.refusal is None or decision.refusal.detail.strip(), "the operator is told why"
        return decision

    def check(self, *proofs: bytes, route: Route = PROTECTED, **changes: Any) -> Decision:
        """The decision on `request()` with these proofs, or with an honest one."""
        return self.decide(self.request(*(proofs or (self.proof(),)), **changes), route)

    def code(self, *proofs: bytes, route: Route = PROTECTED, **changes: Any) -> Code | None:
        """The code that the caller is told; None where the request was accepted."""
        decision = self.check(*proofs, route=route, **changes)
        assert decision.allowed == (decision.refusal is None)
        return decision.refusal.told if decision.refusal else None

    def steps(self, request: Request, route: Route = PROTECTED) -> tuple[list[Step], Decision]:
        """The steps that a check asks for, answered by the registry and the store, and its decision."""
        resources, asked = Resources(self.registry, self.store, self._read_body), []
        check = self.guard.check(request, route)
        answer: Any = None
        try:
            while True:
                step = check.send(answer)
                asked.append(step)
                answer = step.run(resources)
        except StopIteration as end:
            return asked, end.value

    def _read_body(self, limit: int) -> bytes:
        self.bodies_read.append(limit)
        return self.body
