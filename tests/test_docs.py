"""What the documentation says is so: its tables, links, names, code blocks and commands."""

from __future__ import annotations

import ast
import asyncio
import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mfa_middleware.cli.commands import COMMANDS
from mfa_middleware.cli.parser import build_parser
from mfa_middleware.errors import REFUSALS
from mfa_middleware.settings import options
from scripts import tables
from tests.readme import blocks
from tests.wheel import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
PROSE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
OTHER_VARIABLES = {"MFA_SECRET_FILE", "MFA_CLIENT_KEY", "MFA_CLIENT_KEY_FILE"}
SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}

SHOP = """
import os
from fastapi import FastAPI
from mfa_middleware.fastapi import MFAMiddleware, required

app = FastAPI()
app.add_middleware(MFAMiddleware, replay_store="memory:", app=f"shop-{os.getpid()}")

@app.get("/orders")
@required(scopes="orders:read")
def orders(): ...

@app.get("/orders/7")
def order():
    return {"total": 12}
"""
FIXTURE = """
import pytest
from fastapi.testclient import TestClient
from shop.app import app

@pytest.fixture
def client():
    return TestClient(app)
"""

every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", PROSE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def imports(code: str) -> Iterator[tuple[str, str]]:
    """The names that a code block imports from this package."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "mfa_middleware":
            yield from ((str(node.module), alias.name) for alias in node.names)


def commands(page: Path) -> Iterator[list[str]]:
    """The arguments of each `mfa-middleware` command in the shell blocks of a page, without redirections."""
    for block in blocks(page):
        if block.language == "sh":
            for line in block.code.replace("\\\n", " ").splitlines():
                for command in re.findall(r"(?:^|\$\()(mfa-middleware [^)<>|#]*)", line.strip()):
                    yield shlex.split(command)[1:]


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [ROOT / name for name in done.stdout.split("\0") if name]


def test_generated_tables_are_up_to_date() -> None:
    assert [path.name for path in tables.stale()] == [], "run scripts/gen-docs"


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(PROSE.sub("", page.read_text("utf-8"))):
        file, _, anchor = target.partition("#")
        if not file.startswith(("https:", "mailto:")):
            other = (page.parent / file).resolve() if file else page
            assert other.exists(), target
            assert not anchor or anchor in anchors(other), target


def test_every_page_is_reached_from_the_readme() -> None:
    waiting, reached = [ROOT / "README.md"], set[Path]()
    while waiting:
        page = waiting.pop()
        if page.suffix == ".md" and page.exists() and page not in reached:
            reached.add(page)
            targets = (
                target.partition("#")[0] for target in LINK.findall(page.read_text("utf-8")) if ":" not in target
            )
            waiting += [(page.parent / target).resolve() for target in targets if target]
    assert {*ROOT.glob("docs/*.md"), ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"} <= reached


@every_page
def test_every_variable_exists(page: Path) -> None:
    known = {f"MFA_{name.upper()}" for name in options()} | OTHER_VARIABLES
    assert set(re.findall(r"\bMFA_[A-Z_]*[A-Z]\b", page.read_text("utf-8"))) <= known


def test_every_option_is_told() -> None:
    told = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert [name for name in options() if f"`MFA_{name.upper()}`" not in told] == []


def test_every_refusal_is_told() -> None:
    told = (ROOT / "docs" / "refusals.md").read_text("utf-8")
    assert [code for code in REFUSALS if f"`{code}`" not in told] == []


@every_page
def test_python_is_valid_and_imports_what_exists(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            for module, name in imports(block.code):
                assert hasattr(importlib.import_module(module), name), f"{module}.{name}"


@every_page
def test_commands_are_typed_as_the_command_wants_them(page: Path) -> None:
    for arguments in commands(page):
        build_parser(COMMANDS).parse_args(arguments)


def test_some_commands_are_told() -> None:
    assert len(list(commands(ROOT / "README.md"))) >= 3


def test_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    releases = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert all(re.fullmatch(r"\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release) for release in releases)
    assert releases
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= SECTIONS


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    private = re.compile("/" "work/(?:main|shared)|/" "root/|py" r"pi\.org|npm" r"js\.(?:com|org)")
    found = [path for path in tracked() if path.is_file() and private.search(path.read_text("utf-8", "replace"))]
    assert found == []


def test_examples_of_the_testing_page_pass(tmp_path: Path) -> None:
    code = [block.code for block in blocks(ROOT / "docs" / "testing.md") if block.language == "python"]
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "app.py").write_text(SHOP)
    (tmp_path / "conftest.py").write_text(FIXTURE)
    (tmp_path / "test_page.py").write_text("\n".join(text for text in code if "django" not in text))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "4 passed" in done.stdout, done.stdout


def test_examples_of_the_client_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("requests.get", lambda url, **options: sent.append((url, options)))
    names = {"key": "demo-key", "body": b"{}", "url": "https://api.example.com/", "headers": {"X-API-Key": "demo-key"}}
    names |= {"status": 200, "response_headers": {}, "response_body": b""}

    async def run() -> None:
        for block in blocks(ROOT / "docs" / "client.md"):
            if block.language == "python":
                exec(block.code, names)
        await names["session"].close()

    asyncio.run(run())
    assert len(sent) == 1
    assert names["again"] is False
    assert set(names["headers"]) == {"X-API-Key", "DPoP"}
