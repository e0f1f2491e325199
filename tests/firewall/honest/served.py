"""An example that trusts the key of the honest tokens, and those which it does not serve."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from mfa_middleware.cli.probe.call import Attack
from mfa_middleware.cli.probe.playing import play
from tests.firewall.attacker.estate import Estate, Running, running
from tests.firewall.honest.keys import key_for
from tests.firewall.honest.makers import Honest

__all__ = ["ALGORITHM", "refused", "trusting"]

ALGORITHM = "RS256"
_UNSET = dict.fromkeys(("MFA_ORIGINS", "MFA_JWT_ISSUERS", "MFA_JWT_AUDIENCES", "MFA_MACHINE_QUOTA"), "")


@contextlib.contextmanager
def trusting(folder: Path) -> Iterator[Running]:
    """The FastAPI example under a real server, with the public key of ALGORITHM."""
    public = folder / "honest.pem"
    public.write_bytes(key_for(ALGORITHM).public_pem)
    environ = {"MFA_JWT_KEYS": str(public), "EXAMPLE_JWT_PUBLIC_KEY": str(public)}
    with running(Estate(folder), "fastapi", **environ, **_UNSET) as app:
        yield app


def refused(app: Running, tokens: Iterable[Honest], scheme: str = "Bearer") -> list[str]:
    """What was not served, of the tokens that need no proof of their own key."""
    found = []
    for one in tokens:
        if one.algorithm == ALGORITHM and one.content != "bound to a key":
            attack = Attack.of(one.content, one.maker, app.target.call(one.token, scheme=scheme))
            played = play(attack, app.sender, app.events)
            if played.answer.status != 200:
                found.append(f"{one.maker}, {one.content}: {played.answer.status}, told {', '.join(played.told)}")
    return found
