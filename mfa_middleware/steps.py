"""What a check may ask for, and the two short drivers that answer it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Refusal, StoreError
from mfa_middleware.machines import Machine, Registry
from mfa_middleware.replay import Outcome, ReplayStore, StoreState

__all__ = [
    "Check",
    "Claim",
    "FindMachine",
    "FindState",
    "KnowsCredential",
    "Propose",
    "ReadBody",
    "Resources",
    "Step",
    "run",
    "run_async",
]


class Resources(NamedTuple):
    """Where the answers come from: the machines, the used proofs, and this request's body.

    `read_body` returns at most `limit` bytes, and raises Refusal (body_too_large) where there are more.
    """

    registry: Registry
    store: ReplayStore
    read_body: Callable[[int], Any]


class Step(Protocol):
    """One request of a check."""

    def run(self, resources: Resources) -> Any: ...
    def run_async(self, resources: Resources) -> Awaitable[Any]: ...


Check: TypeAlias = Generator[Step, Any, Decision]


class FindMachine(NamedTuple):
    """Answered with the Machine of a thumbprint, or None."""

    thumbprint: str

    def run(self, resources: Resources) -> Machine | None:
        return resources.registry.find(self.thumbprint)

    def run_async(self, resources: Resources) -> Awaitable[Machine | None]:
        return resources.registry.find_async(self.thumbprint)


class ReadBody(NamedTuple):
    """Answered with the whole body, of at most `limit` bytes; the app still gets it."""

    limit: int

    def run(self, resources: Resources) -> bytes:
        body: bytes = resources.read_body(self.limit)
        return body

    def run_async(self, resources: Resources) -> Awaitable[bytes]:
        body: Awaitable[bytes] = resources.read_body(self.limit)
        return body


class Claim(NamedTuple):
    """Answered with the Outcome of the one atomic step that makes a proof single-use."""

    key: bytes
    owner: bytes
    seconds: float
    epoch: bytes | None
    deadline: float
    peer: bytes

    def run(self, resources: Resources) -> Outcome:
        return resources.store.claim(*self)

    def run_async(self, resources: Resources) -> Awaitable[Outcome]:
        return resources.store.claim_async(*self)


class FindState(NamedTuple):
    """Answered with the StoreState that nonces of an owner are made from."""

    owner: bytes

    def run(self, resources: Resources) -> StoreState:
        return resources.store.refresh(self.owner)

    def run_async(self, resources: Resources) -> Awaitable[StoreState]:
        return resources.store.refresh_async(self.owner)


class KnowsCredential(NamedTuple):
    """Answered with whether some machine is permitted this very credential."""

    ath: str
    issuer: str | None
    subject: str | None

    def run(self, resources: Resources) -> bool:
        return resources.registry.knows_credential(self.ath, self.issuer, self.subject)

    async def run_async(self, resources: Resources) -> bool:
        return resources.registry.knows_credential(self.ath, self.issuer, self.subject)


class Propose(NamedTuple):
    """Enrols an unknown key as pending (trusted first use, report mode only); answered with None."""

    jwk: Mapping[str, str]
    algorithm: str

    def run(self, resources: Resources) -> None:
        resources.registry.propose(self.jwk, self.algorithm)

    async def run_async(self, resources: Resources) -> None:
        resources.registry.propose(self.jwk, self.algorithm)


def run(check: Check, resources: Resources) -> Decision:
    """Drive a check from synchronous code."""
    advance: Callable[[Any], Step] = check.send
    answer: Any = None
    try:
        while True:
            step = advance(answer)
            try:
                advance, answer = check.send, step.run(resources)
            except (Refusal, StoreError) as error:
                advance, answer = check.throw, error
    except StopIteration as end:
        decision: Decision = end.value
        return decision


async def run_async(check: Check, resources: Resources) -> Decision:
    """Drive a check from a coroutine; what never blocks is called straight away."""
    registry_waits, store_waits = resources.registry.blocking, resources.store.blocking
    advance: Callable[[Any], Step] = check.send
    answer: Any = None
    try:
        while True:
            step = advance(answer)
            try:
                kind = type(step)
                waits = store_waits if kind is Claim or kind is FindState else registry_waits or kind is ReadBody
                answer = await step.run_async(resources) if waits else step.run(resources)
                advance = check.send
            except (Refusal, StoreError) as error:
                advance, answer = check.throw, error
    except StopIteration as end:
        decision: Decision = end.value
        return decision
