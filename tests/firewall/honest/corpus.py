"""The whole of the honest tokens, and what an inspector says of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping

from mfa_middleware.firewall import Inspector
from tests.firewall.honest.makers import LIBRARIES, Honest, by_hand, by_library
from tests.firewall.honest.npm import NPM, by_npm

__all__ = ["MAKERS", "ROUNDS", "accused", "made_by"]

MAKERS = (*LIBRARIES, *(f"npm {name}" for name in NPM), "by hand")
ROUNDS: Mapping[str, int] = {**dict.fromkeys(LIBRARIES, 4), **dict.fromkeys((f"npm {name}" for name in NPM), 1)}
"""How often each library says everything, for more than 20,000 tokens even without npm."""


def made_by(maker: str, rounds: int | None = None) -> list[Honest]:
    """The tokens of one maker. Raises UnavailableError where it is of npm, and npm cannot be had."""
    times = rounds or ROUNDS.get(maker, 1)
    if maker in LIBRARIES:
        return list(by_library(maker, times))
    return list(by_hand()) if maker == "by hand" else list(by_npm(maker.removeprefix("npm "), times))


def accused(inspector: Inspector, tokens: Iterable[Honest]) -> Counter[str]:
    """What is held against honest tokens above policy, and how often; tokens that are taken for none count too."""
    found: Counter[str] = Counter()
    now = time.time()
    for one in tokens:
        verdict = inspector.inspect(one.token, "authorization", now)
        attacks = [str(finding) for finding in verdict.findings if finding.is_attack]
        if not verdict.is_token:
            attacks.append("is no token")
        for attack in attacks:
            found[f"{one.maker}, {one.content}: {attack}"] += 1
    return found
