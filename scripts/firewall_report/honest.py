"""Honest traffic: tokens by the thousand against the inspector, and a sample over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mfa_middleware.firewall import Inspector, Policy
from tests.firewall.honest.corpus import MAKERS, accused, made_by
from tests.firewall.honest.makers import Honest
from tests.firewall.honest.served import refused, trusting
from tests.interop.node import UnavailableError

__all__ = ["accusations"]

_SAMPLE: Final = 5  # with --quick, one token in so many goes over HTTP


def accusations(folder: Path, *, quick: bool) -> list[str]:
    """What is held against honest tokens, and those which were not served. Raises UnavailableError under CI."""
    found = []
    with trusting(folder) as app:
        for maker, tokens in _made(quick=quick):
            held = accused(Inspector(Policy()), tokens)
            found += [f"{text} ({times} times)" for text, times in held.items()]
            sample = tokens[::_SAMPLE] if quick else tokens
            found += refused(app, sample)
            print(f"{maker:20} {len(tokens):6} honest tokens", flush=True)
    return found


def _made(*, quick: bool) -> Iterator[tuple[str, list[Honest]]]:
    for maker in MAKERS:
        try:
            yield maker, made_by(maker, 1 if quick else None)
        except UnavailableError as error:
            if os.environ.get("CI"):
                raise
            print(f"{maker} is left out: {error}", file=sys.stderr)
