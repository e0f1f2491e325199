"""Mutates what mutmut leaves out: constants and decorated functions. `-m scripts.mutation.rest FILE` prints them.

Here a mutant is a whole file, put in place for one run of the tests.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

from scripts.mutation.operators import use_our_operators

_KEPT: Final = frozenset({"staticmethod", "classmethod"})


def sources(code: str) -> Iterator[dict[str, str]]:
    """The function ("" outside of any) and the whole mutated code of each fault that mutmut does not plant."""
    wrapper = MetadataWrapper(cst.parse_module(code))
    visitor = _visitor()
    wrapper.visit(visitor)
    parents = wrapper.resolve(ParentNodeProvider)
    for mutation in visitor.mutations:
        around = [*_around(mutation.original_node, parents)]
        function = next((node for node in around if isinstance(node, cst.FunctionDef)), None)
        if _is_left_out(function) and not any(map(_lists_names, around)) and not _is_undone(mutation, function):
            mutated = wrapper.module.deep_replace(mutation.original_node, mutation.mutated_node)
            yield {"function": _name(around), "code": mutated.code}


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
    print(json.dumps([*sources(Path(sys.argv[1]).read_text(encoding="utf-8"))]))


if __name__ == "__main__":
    main()
