"""Mutants as whole files, each put in place for one run of all tests: `-m scripts.mutation.rest FILE` prints them.

They are those that mutmut leaves out, in constants and decorated functions, and those that it saw survive and that
standard input names: it does not see what runs in other processes of a test, or when a module is imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any, Final

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

from scripts.mutation.mutant import changed_lines
from scripts.mutation.operators import use_our_operators

_KEPT: Final = frozenset({"staticmethod", "classmethod"})


def sources(code: str, survivors: Set[tuple[str, ...]]) -> Iterator[dict[str, str]]:
    """Function ("" outside of any), changed lines and whole code of each mutant.

    `survivors`: the function and the changed lines of those that are wanted although mutmut plants them.
    """
    wrapper = MetadataWrapper(cst.parse_module(code))
    visitor = _visitor()
    wrapper.visit(visitor)
    parents = wrapper.resolve(ParentNodeProvider)
    for mutation in visitor.mutations:
        around = [*_around(mutation.original_node, parents)]
        function = next((node for node in around if isinstance(node, cst.FunctionDef)), None)
        left_out = _is_left_out(function)
        name = _name(around)
        if any(map(_lists_names, around)) or (left_out and _is_undone(mutation, function)):
            continue
        if not left_out and not any(survivor[0] == name for survivor in survivors):
            continue
        mutated = wrapper.module.deep_replace(mutation.original_node, mutation.mutated_node).code
        before, after = changed_lines(code, mutated)
        if left_out or (name, before, after) in survivors:
            yield {"function": name, "before": before, "after": after, "code": mutated}


def _visitor() -> Any:
    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()))
    inherited = visitor._skip_node_and_children  # noqa: SLF001
    visitor._skip_node_and_children = lambda node: not isinstance(node, cst.FunctionDef) and inherited(node)  # noqa: SLF001
    return visitor


def _around(node: Any, parents: Any) -> Iterator[Any]:
    while node is not None:
        yield node
        node = parents.get(node)


def _name(around: list[Any]) -> str:
    return ".".join(node.name.value for node in reversed(around) if isinstance(node, cst.FunctionDef | cst.ClassDef))


def _is_left_out(function: Any) -> bool:
    if function is None:
        return True
    names = [getattr(decorator.decorator, "value", None) for decorator in function.decorators]
    return bool(names) and not (len(names) == 1 and names[0] in _KEPT)


def _lists_names(node: Any) -> bool:
    """Whether this is `__all__`, which decides nothing."""
    return isinstance(node, cst.Assign) and any(
        isinstance(target.target, cst.Name) and target.target.value == "__all__" for target in node.targets
    )


def _is_undone(mutation: Any, function: Any) -> bool:
    """Whether a constant becomes nothing at all, which any import of the module notices."""
    return function is None and isinstance(mutation.original_node, cst.Assign | cst.AnnAssign)


def main() -> None:
    use_our_operators()
    survivors = {tuple(survivor) for survivor in json.load(sys.stdin)}
    print(json.dumps([*sources(Path(sys.argv[1]).read_text(encoding="utf-8"), survivors)]))


if __name__ == "__main__":
    main()
