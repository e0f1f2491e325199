"""A first user: the wheel in an empty environment, the README pasted into an own app, up to a refused replay.

What is run here is taken from the README. Nothing but the port is changed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mfa_middleware.replay.files import store_path
from tests.readme import the_block
from tests.wheel import ROOT, built

README = ROOT / "README.md"
STORE = f"first-steps-{os.getpid()}"
URLS = """
from django.http import JsonResponse
from django.urls import path
urlpatterns = [path("orders", lambda request: JsonResponse({"machine": request.machine.id}))]
"""


@dataclass(frozen=True)
class Home:
    """The user's machine: an environment of its own, and a folder to work in."""

    bin: Path
    folder: Path

    @property
    def environ(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MFA_", "PYTHON"))}
        path = f"{self.bin}{os.pathsep}{kept['PATH']}"
        return {**kept, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "MFA_APP": STORE}

    def run(self, script: str, given: str = "") -> str:
        """What a script of shell commands prints; an AssertionError with all of it where one fails."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder, env=self.environ, input=given, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def at(self, folder: Path) -> Home:
        """The same environment in another folder."""
        return Home(self.bin, folder)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An empty environment with nothing but the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("first user")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    home = Home(folder / "venv" / "bin", folder)
    install(home, str(built()))
    yield home
    store_path(STORE).unlink(missing_ok=True)


def install(home: Home, *requirements: str) -> None:
    """pip install. Skips where no index is reached, and fails where the checks of the project run."""
    command = [sys.executable, "-m", "pip", "--python", str(home.bin / "python"), "install", "--quiet", *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"pip install failed: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def home(empty: Home) -> Home:
    """The environment after every `pip install` of the README."""
    text = README.read_text()
    wanted = re.findall(r"pip install ('mfa_middleware\[\w+\]'(?: \w+)*)", text)
    extras = {extra for line in wanted for extra in re.findall(r"\[(\w+)\]", line)}
    others = {name for line in wanted for name in line.partition("'")[2].partition("'")[2].split()}
    assert extras == {"fastapi", "flask", "django", "httpx2"}
    install(empty, f"{built()}[{','.join(sorted(extras))}]", *sorted(others))
    return empty


@dataclass(frozen=True)
class App:
    """What a user makes of one snippet: files, and the command that runs them."""

    marker: str

    def write(self, folder: Path) -> str:
        """Paste the snippet; the command that its first comment names."""
        snippet = the_block(README, "python", self.marker)
        self.paste(folder, snippet)
        match = re.match(r"# [^;\n]*; run it: (.*)", snippet)
        assert match is not None
        return match[1]

    def paste(self, folder: Path, snippet: str) -> None:
        (folder / "app.py").write_text(snippet)


class Project(App):
    """A new Django project, with one view."""

    def paste(self, folder: Path, snippet: str) -> None:
        (folder / "shop" / "urls.py").write_text(URLS)
        with (folder / "shop" / "settings.py").open("a") as settings:
            settings.write(snippet)


APPS = {"fastapi": App("import FastAPI"), "flask": App("import Flask"), "django": Project("settings.py")}


@contextlib.contextmanager
def served(home: Home, command: str) -> Iterator[int]:
    """Run the user's app; the port that it answers on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if "--port 8000" in command:
        command = command.replace("8000", str(port))
    else:
        command += f" --port {port}" if command.startswith("uvicorn") else f" --noreload {port}"
    log = home.folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command.split(), cwd=home.folder, env=home.environ, stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 30
        while not listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pasted(language: str, marker: str, port: int) -> str:
    return the_block(README, language, marker).replace("127.0.0.1:8000", f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    "module", ["mfa_middleware", "mfa_middleware.asgi", "mfa_middleware.wsgi", "mfa_middleware.client"]
)
def test_core_works_with_what_the_wheel_depends_on(empty: Home, module: str) -> None:
    empty.run(f"python -W error -c 'import {module}'")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README calls curl, which is not installed")
@pytest.mark.parametrize("framework", APPS)
def test_readme_leads_to_a_refused_replay(home: Home, framework: str) -> None:
    home = home.at(home.folder / framework)
    home.folder.mkdir()
    if framework == "django":
        home.run("django-admin startproject shop .")
    command = APPS[framework].write(home.folder)
    with served(home, command) as port:
        assert "401" in (answer := home.run(pasted("sh", "missing_proof", port)))
        assert '"missing_proof"' in answer

        enrolment = home.run(pasted("sh", "keygen", port), given="your-key\n")
        assert "enrolled" in enrolment

        call, deadline = f"python - <<'END'\n{pasted('python', 'MachineTransport', port)}END", time.monotonic() + 5
        while not (answer := home.run(call)).startswith('{"machine":'):
            assert '"unknown_machine"' in answer  # an enrolment is seen within a second, not at once
            assert time.monotonic() < deadline, answer

        accepted, refused = home.run(pasted("sh", "code replayed", port)).split("HTTP/1.1 ")[1:]
        assert accepted.startswith("200")
        assert '"machine":' in accepted
        assert refused.startswith("401")
        assert '"replayed"' in refused

        home.run("mfa-middleware machines pause depot")
        deadline = time.monotonic() + 5
        while '"machine_inactive"' not in (answer := home.run(pasted("sh", "code replayed", port))):
            assert time.monotonic() < deadline, answer
