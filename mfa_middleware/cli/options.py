"""Options that several commands have, in the same words."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mfa_middleware.cli.parser import Parser
from mfa_middleware.jose.algorithms import ALGORITHMS

__all__ = ["add_algorithm", "add_json", "nonempty"]


def add_json(parser: argparse._ActionsContainer, what: str = "print one JSON object, for programs") -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help=what)


def add_algorithm(parser: Parser, text: str) -> None:
    """`--alg`, in any case."""
    parser.add_argument("--alg", type=_algorithm, metavar="ALG", help=text)


def nonempty(values: Sequence[str]) -> list[str]:
    """The values of an option that may be given repeatedly; an empty one stands for no value at all."""
    return [value for value in values if value]


def _algorithm(text: str) -> str:
    names = {name.lower(): name for name in ALGORITHMS}
    if text.lower() not in names:
        raise argparse.ArgumentTypeError(f"write one of {', '.join(ALGORITHMS)} instead of {text[:40]!r}")
    return names[text.lower()]
