"""Which modules are mutated, which tests must notice, and the copy of the tree in which it happens."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["ROOT", "Group", "copy_tree", "groups"]

ROOT: Final = Path(__file__).resolve().parents[2]
_PACKAGE: Final = "mfa_middleware"
_COPIED: Final = (_PACKAGE, "tests", "scripts", "examples", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")


@dataclass(frozen=True, slots=True)
class Group:
    """Modules, as paths inside the package, that the same tests stand for."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


def groups(wanted: Sequence[str]) -> Iterator[Group]:
    """The groups of modules.toml; of each only what is wanted: by name, by path, or by the start of a path."""
    table: dict[str, Any] = tomllib.loads((Path(__file__).parent / "modules.toml").read_text(encoding="utf-8"))
    for name, row in table.items():
        modules = tuple(module for module in _modules(row["modules"]) if _is_wanted(name, module, wanted))
        if modules:
            yield Group(name, modules, tuple(row["tests"]))


def _modules(patterns: Sequence[str]) -> Iterator[str]:
    package = ROOT / _PACKAGE
    for pattern in patterns:
        yield from sorted(path.relative_to(package).as_posix() for path in package.glob(pattern) if path.stat().st_size)


def _is_wanted(group: str, module: str, wanted: Sequence[str]) -> bool:
    paths = [want.removeprefix(f"{_PACKAGE}/") for want in wanted]
    return not wanted or group in wanted or any(module.startswith(path) for path in paths)


def copy_tree(to: Path) -> Path:
    """The tree as it stands now, without what earlier runs left in it."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules", ".*"))
        else:
            to.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, to / name)
    return to
