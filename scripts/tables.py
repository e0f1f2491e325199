"""The tables in docs/ that are made from the code: settings and refusals."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from mfa_middleware import settings
from mfa_middleware.errors import REFUSALS

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"


def refusals() -> str:
    """One row for each code."""
    rows = ["| code | status | `error` | what the caller reads |", "|---|---|---|---|"]
    for code, kind in REFUSALS.items():
        read = f"{kind.text} (code `{kind.told}`)" if kind.told else kind.text
        rows.append(f"| `{code}` | {kind.status} | {f'`{kind.error}`' if kind.error else ''} | {read} |")
    return "\n".join(rows) + "\n"


TABLES: Final[Mapping[tuple[str, str], Callable[[], str]]] = {
    ("configuration.md", "settings"): settings.table,
    ("refusals.md", "codes"): refusals,
}


def with_table(text: str, mark: str, table: str) -> str:
    """The page with the table between its two marks."""
    return re.sub(
        rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", lambda match: match[1] + table + match[2], text, flags=re.DOTALL
    )


def stale() -> dict[Path, str]:
    """The pages whose tables differ from the code, with the text that they should have."""
    pages = {DOCS / page: (DOCS / page).read_text("utf-8") for page, _ in TABLES}
    wanted = dict(pages)
    for (page, mark), table in TABLES.items():
        wanted[DOCS / page] = with_table(wanted[DOCS / page], mark, table())
    return {path: text for path, text in wanted.items() if text != pages[path]}


if __name__ == "__main__":
    found = stale()
    if "--check" in sys.argv[1:]:
        sys.exit(f"out of date: {', '.join(path.name for path in found)}" if found else 0)
    for path, text in found.items():
        path.write_text(text, "utf-8")
