"""The code blocks of a page of the documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language and what is in it."""

    language: str
    code: str


def blocks(page: Path) -> list[Block]:
    """All blocks of a page that name a language, in order."""
    return [Block(language, code) for language, code in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def the_block(page: Path, language: str, marker: str) -> str:
    """The one block of that language with `marker` in it."""
    (found,) = [block.code for block in blocks(page) if block.language == language and marker in block.code]
    return found
