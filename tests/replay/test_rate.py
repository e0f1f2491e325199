"""The rate that an operator is told for a quota is the true one: neither too high nor too low."""

from __future__ import annotations

import pytest

from mfa_middleware.replay import Outcome, sustained_rate
from tests.replay.clocks import HandClock
from tests.replay.using import Opener, key, nonced


@pytest.mark.parametrize(("part", "refused"), [(0.99, False), (1.05, True)])
def test_a_machine_is_refused_above_it_and_not_below(
    opened: Opener, clock: HandClock, part: float, refused: bool
) -> None:
    store, quota = opened(quota=200), 200
    outcomes = []
    for _ in range(1000):
        clock.advance(1 / (part * sustained_rate(quota)))
        outcomes.append(nonced(store, clock, key()))
    assert (Outcome.QUOTA in outcomes) is refused
