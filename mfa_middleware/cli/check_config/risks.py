"""What a setting, good in itself, leaves open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from mfa_middleware.cli.check_config.problems import Problem, warning
from mfa_middleware.firewall import CATALOG
from mfa_middleware.firewall.inspector import Mode as FirewallMode
from mfa_middleware.replay import sustained_rate
from mfa_middleware.settings import Nonces, Settings

__all__ = ["risks_of"]

_Rule = Callable[[Settings], Iterator[str]]


def risks_of(settings: Settings) -> list[Problem]:
    """Every risk, as a warning."""
    return [warning(variable, text) for variable, rule in _RULES for text in rule(settings)]


def _mode(settings: Settings) -> Iterator[str]:
    if settings.mode.name == "off":
        yield "off: nothing is checked at all; write report or enforce"
    elif settings.mode.name == "report":
        yield "report: nothing is refused, only told; read mfa-middleware summary, then write enforce"
    elif settings.mode.percent < 100:
        yield f"only {settings.mode.percent:g} % of the credentials need a proof; write enforce"


def _origins(settings: Settings) -> Iterator[str]:
    if not settings.origins:
        yield "not set: only callers on loopback are served; write the public origin, such as https://api.example.com"
    for origin in settings.origins:
        if origin.startswith("http://") and not _is_loopback(origin):
            yield f"{origin} has no TLS: anybody on the way reads the credentials; write https://"


def _is_loopback(origin: str) -> bool:
    host = urlsplit(origin).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _first_use(settings: Settings) -> Iterator[str]:
    if settings.first_use and settings.mode.name != "report":
        yield "has no effect, because it only counts with MFA_MODE=report"


def _credentials(settings: Settings) -> Iterator[str]:
    if not settings.credentials:
        yield "none: the proof is the only factor"


def _nonce(settings: Settings) -> Iterator[str]:
    if settings.nonce is Nonces.OFF:
        yield "off: a client whose clock is wrong is refused, and everybody for 25 s after the store was lost"


def _replay_store(settings: Settings) -> Iterator[str]:
    if settings.replay_store.startswith("memory:"):
        yield "memory: holds for one process only; with several workers write shared:"


def _replays(settings: Settings) -> Iterator[str]:
    if settings.accept_replays_during_outage:
        paths = ", ".join(sorted(settings.accept_replays_during_outage))
        yield f"while the store is away, whoever captured a proof can use it again on {paths}"


def _quota(settings: Settings) -> Iterator[str]:
    if settings.quota > settings.capacity // 2:
        yield f"one machine may fill {settings.quota} of {settings.capacity} places, and leave none to the others"
    elif (rate := sustained_rate(settings.quota)) < 1:
        yield f"a machine may make {rate:.2f} requests/s, then it is answered 429; write a larger number"


def _firewall(settings: Settings) -> Iterator[str]:
    if settings.firewall is FirewallMode.OFF:
        yield "off: forged bearer tokens reach the app unseen; write report or enforce"
    elif settings.firewall is FirewallMode.REPORT:
        yield "report: forged bearer tokens are told and not refused; write enforce"


def _firewall_report(settings: Settings) -> Iterator[str]:
    if settings.firewall_report:
        yield f"forged tokens reach the app on {', '.join(sorted(settings.firewall_report))}"


def _firewall_allow(settings: Settings) -> Iterator[str]:
    for name in sorted(settings.firewall_allow):
        yield f"{name} is told and not refused ({CATALOG[name].title.lower()}); make sure that the app refuses it"


def _jwt_algorithms(settings: Settings) -> Iterator[str]:
    shared = {name for name in settings.jwt_algorithms if name.startswith("HS")}
    if shared and shared != settings.jwt_algorithms:
        yield "has HMAC beside public keys, which invites key confusion; keep one kind"


_RULES: Final[tuple[tuple[str, _Rule], ...]] = (
    ("MFA_MODE", _mode),
    ("MFA_ORIGINS", _origins),
    ("MFA_FIRST_USE", _first_use),
    ("MFA_CREDENTIALS", _credentials),
    ("MFA_NONCE", _nonce),
    ("MFA_REPLAY_STORE", _replay_store),
    ("MFA_ACCEPT_REPLAYS_DURING_OUTAGE", _replays),
    ("MFA_MACHINE_QUOTA", _quota),
    ("MFA_FIREWALL", _firewall),
    ("MFA_FIREWALL_ALLOW", _firewall_allow),
    ("MFA_FIREWALL_REPORT", _firewall_report),
    ("MFA_JWT_ALGORITHMS", _jwt_algorithms),
)
