"""Hypothesis for mutants, as a plugin of pytest: the same examples for all, and the first that fails will do."""

from __future__ import annotations

from hypothesis import Phase, settings

settings.register_profile(
    "mutants", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
)
