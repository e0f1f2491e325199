"""The faults that are planted: those of mutmut, less the wording of messages, and some that mutmut does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import libcst as cst
from mutmut.mutation import mutators

__all__ = ["use_our_operators"]


def _string(node: cst.BaseString) -> Iterable[cst.CSTNode]:
    """Another string; prose has blanks, and its wording is left alone."""
    if isinstance(node, cst.SimpleString) and " " not in node.value:
        yield from list(mutators.operator_string(node))[:1]


def _smaller_number(node: cst.Integer | cst.Float) -> Iterable[cst.CSTNode]:
    smaller = node.evaluated_value - 1
    if smaller >= 0:
        yield node.with_changes(value=repr(smaller))


def _no_statement(_: cst.Raise) -> Iterable[cst.CSTNode]:
    yield cst.Pass()


def _no_call(node: cst.Expr) -> Iterable[cst.CSTNode]:
    if isinstance(node.value, cst.Call | cst.Await | cst.Yield):
        yield cst.Pass()


def _returns_none(node: cst.Return) -> Iterable[cst.CSTNode]:
    if node.value is not None and not node.value.deep_equals(cst.Name("None")):
        yield node.with_changes(value=cst.Name("None"), whitespace_after_return=cst.SimpleWhitespace(" "))


def _negated(node: cst.If) -> Iterable[cst.CSTNode]:
    inner = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    yield node.with_changes(test=cst.UnaryOperation(cst.Not(), inner))


_OURS: Final[list[tuple[Any, Callable[[Any], Iterable[cst.CSTNode]]]]] = [
    (cst.BaseString, _string),
    (cst.Integer | cst.Float, _smaller_number),
    (cst.Raise, _no_statement),
    (cst.Expr, _no_call),
    (cst.Return, _returns_none),
    (cst.If, _negated),
]


def use_our_operators() -> None:
    """From now on mutmut plants these faults, in this process and in those that it forks."""
    kept = [row for row in mutators.mutation_operators if row[1] is not mutators.operator_string]
    mutators.mutation_operators[:] = [*kept, *_OURS]
