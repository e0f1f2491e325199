"""What one route asks for, in the same words in every face, and whether a request met it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final, NamedTuple

from mfa_middleware.errors import Code, ConfigurationError, Refusal
from mfa_middleware.http import Address, Headers, Request, is_preflight, matches_exactly
from mfa_middleware.uri import is_ambiguous_path

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from mfa_middleware.machines import Machine

__all__ = ["EXEMPT", "PROTECTED", "Facts", "Route", "passes", "required"]


@dataclass(frozen=True, slots=True)
class Route:
    """The options of one route. `exempt`, `report_only` and no `credential` loosen; the others tighten.

    `scopes`: all of them must be the machine's. `body`, `query`: the proof must bind them. `nonce`: the proof
    must carry a nonce. `networks`: where the machine must call from, beside its own networks: from within each of
    these groups, one for each mark that named networks.
    """

    scopes: frozenset[str] = frozenset()
    body: bool = False
    query: bool = False
    nonce: bool = False
    networks: tuple[tuple[IPv4Network | IPv6Network, ...], ...] = ()
    report_only: bool = False
    credential: bool = True
    exempt: bool = False

    @property
    def loosens(self) -> bool:
        """Whether this route lets something pass that others refuse; known before the body is touched."""
        return self.exempt or self.report_only or not self.credential

    def check_binding(self, facts: Facts) -> None:
        """Raises Refusal where the query is not bound (wrong_target) or no nonce was used (use_dpop_nonce)."""
        if self.nonce and not facts.nonce:
            raise Refusal(Code.USE_DPOP_NONCE, "this route demands a nonce")
        if self.query and not facts.query_bound:
            raise Refusal(Code.WRONG_TARGET, "this route demands htq", hints={"missing_claim": "htq"})

    def check_machine(self, machine: Machine, client: Address | None) -> None:
        """Raises Refusal where the machine calls from elsewhere (machine_inactive) or lacks a scope."""
        if self.networks and not (client and all(any(client in net for net in group) for group in self.networks)):
            raise Refusal(Code.MACHINE_INACTIVE, f"this route is not reached from {client or 'an unknown address'}")
        if missing := self.scopes - machine.scopes:
            raise Refusal(Code.SCOPE_DENIED, f"machine {machine.id} lacks {', '.join(sorted(missing))}")

    def check_body(self, facts: Facts) -> None:
        """Raises Refusal (wrong_digest) where the body is not bound."""
        if self.body and not facts.body_bound:
            raise Refusal(Code.WRONG_DIGEST, "this route demands htd", hints={"missing_claim": "htd"})


def passes(request: Request, headers: Headers, route: Route, exempt: frozenset[str]) -> bool:
    """Whether a request needs neither credential nor proof: its route or its path is exempt, or it is a preflight."""
    if route.exempt and not is_ambiguous_path(request.raw_path):
        return True
    if exempt and matches_exactly(request, exempt):
        return True
    return request.method == "OPTIONS" and is_preflight(request, headers)


class Facts(NamedTuple):
    """What a proof that was accepted had bound."""

    query_bound: bool = False
    body_bound: bool = False
    nonce: bool = False


PROTECTED: Final = Route()
EXEMPT: Final = Route(exempt=True)


def required(
    *,
    scopes: Iterable[str] | str = (),
    body: bool = False,
    query: bool = False,
    nonce: bool = False,
    networks: Iterable[str] | str = (),
    report_only: bool = False,
    credential: bool = True,
) -> Route:
    """A route from the words of the decorators and dependencies. Raises ConfigurationError."""
    names = scopes.split() if isinstance(scopes, str) else scopes
    texts = [networks] if isinstance(networks, str) else networks
    try:
        allowed = tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise ConfigurationError(f"networks: write CIDR networks such as 10.0.0.0/8; {error}") from None
    return Route(frozenset(names), body, query, nonce, (allowed,) if allowed else (), report_only, credential)
