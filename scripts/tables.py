"""The tables in docs/ that are made from the code: settings, refusals and the catalogue of tricks."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from mfa_middleware import settings
from mfa_middleware.errors import REFUSALS
from mfa_middleware.firewall import CATALOG, Trick

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"


def refusals() -> str:
    """One row for each code."""
    rows = ["| code | status | `error` | what the caller reads |", "|---|---|---|---|"]
    for code, kind in REFUSALS.items():
        read = f"{kind.text} (code `{kind.told}`)" if kind.told else kind.text
        rows.append(f"| `{code}` | {kind.status} | {f'`{kind.error}`' if kind.error else ''} | {read} |")
    return "\n".join(rows) + "\n"


_FAMILIES: Final = {
    "algorithm": "Algorithm and key type",
    "header_keys": "Keys that the token brings along",
    "kid": "Key ids",
    "signature": "Signatures and their encoding",
    "serialisation": "Serialisation",
    "critical": "Critical headers and types",
    "encrypted": "Encrypted tokens",
    "claims": "Claims",
    "possession": "Proofs of possession",
    "transport": "HTTP",
}


def catalogue() -> str:
    """A heading for each family, and one row for each trick."""
    lines: list[str] = []
    for family, heading in _FAMILIES.items():
        lines += [
            f"\n## {heading}\n",
            "| id | what is sent, and why it works | evidence | done | to do |",
            "|---|---|---|---|---|",
        ]
        lines += [_trick(trick) for trick in CATALOG.values() if trick.family == family]
    return "\n".join(lines)[1:] + "\n\n"


def _trick(trick: Trick) -> str:
    what = f"**{trick.title}.** {trick.what} {trick.how}".replace("|", "\\|")
    advice = trick.advice.removeprefix("Blocked. ").removeprefix("Refused. ")
    todo = " ".join([*([f"Needs {trick.needs}."] if trick.needs else ()), advice, trick.reason]).strip()
    known = [*trick.cves, *trick.cwe, *([f"RFC 8725 {trick.bcp}"] if trick.bcp else ()), *trick.attack]
    return f"| `{trick.id}` | {what} <br>{', '.join(known)} | {trick.evidence or 'none'} | {trick.action} | {todo} |"


TABLES: Final[Mapping[tuple[str, str], Callable[[], str]]] = {
    ("configuration.md", "settings"): settings.table,
    ("refusals.md", "codes"): refusals,
    ("catalog.md", "catalogue"): catalogue,
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
