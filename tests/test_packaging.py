"""What is in the wheel, what it imports, and what it says where a framework is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib.metadata import version

import pytest

import mfa_middleware
from tests.wheel import ROOT, built

FRAMEWORKS = ("aiohttp", "django", "fastapi", "flask", "httpx", "httpx2", "requests", "rest_framework")
WITHOUT = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
import {module}
"""
CORE = (
    "mfa_middleware", "mfa_middleware.asgi", "mfa_middleware.wsgi", "mfa_middleware.client", "mfa_middleware.cli",
    "mfa_middleware.testing", "mfa_middleware.replay.shared", "mfa_middleware.machines",
)  # fmt: skip
NEEDS = {
    "mfa_middleware.fastapi": ("fastapi", "fastapi"),
    "mfa_middleware.flask": ("flask", "flask"),
    "mfa_middleware.django": ("django", "django"),
    "mfa_middleware.django.rest_framework": ("rest_framework", "drf"),
    "mfa_middleware.client.httpx": ("httpx", "httpx"),
    "mfa_middleware.client.httpx2": ("httpx2", "httpx2"),
    "mfa_middleware.client.requests": ("requests", "requests"),
    "mfa_middleware.client.aiohttp": ("aiohttp", "aiohttp"),
}


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter, with warnings as errors."""
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)


def test_wheel_has_types_and_the_licence_and_nothing_but_the_package() -> None:
    names = zipfile.ZipFile(built()).namelist()
    assert "mfa_middleware/py.typed" in names
    assert {name.partition("/")[0].removesuffix(f"-{version('mfa_middleware')}.dist-info") for name in names} == {
        "mfa_middleware"
    }
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_wheel_has_every_module_of_the_package() -> None:
    packed = {name for name in zipfile.ZipFile(built()).namelist() if name.endswith(".py")}
    tracked = subprocess.run(
        ["git", "ls-files", "mfa_middleware/*.py"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert tracked or not (ROOT / ".git").exists()
    assert set(tracked) <= packed


@pytest.mark.parametrize("module", CORE)
def test_core_needs_no_framework(module: str) -> None:
    done = python(WITHOUT.format(missing=FRAMEWORKS, module=module))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", NEEDS)
def test_missing_library_names_its_extra(module: str) -> None:
    library, extra = NEEDS[module]
    done = python(WITHOUT.format(missing=(library,), module=module))
    assert f"pip install 'mfa_middleware[{extra}]'" in done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1


def test_every_extra_that_is_named_exists() -> None:
    extras = set(
        re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text().split("[dependency-groups]")[0], re.MULTILINE)
    )
    named = {
        extra
        for path in [*ROOT.glob("mfa_middleware/**/*.py"), *ROOT.glob("docs/*.md"), ROOT / "README.md"]
        for extras_text in re.findall(r"mfa_middleware\[([\w,]+)\]", path.read_text())
        for extra in extras_text.split(",")
    }
    assert named <= extras


def test_package_imports_nothing_until_a_name_is_used() -> None:
    done = python("import sys, mfa_middleware; print(*(n for n in sys.modules if n.startswith('mfa_middleware.')))")
    assert done.stdout.strip() == ""


def test_names_of_the_package_are_what_their_modules_define() -> None:
    from mfa_middleware.errors import Code
    from mfa_middleware.machines import Machine

    values = {name: getattr(mfa_middleware, name) for name in mfa_middleware.__all__}
    assert (values["Code"], values["Machine"], values["__version__"]) == (Code, Machine, version("mfa_middleware"))
    assert set(mfa_middleware.__all__) <= set(dir(mfa_middleware))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Machines'"):
        mfa_middleware.Machines  # noqa: B018


def test_command_tells_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mfa_middleware", "--version"], capture_output=True, text=True, check=False
    )
    assert done.stdout == f"mfa-middleware {version('mfa_middleware')}\n"
