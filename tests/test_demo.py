"""The demo: every line as expected on every example, honest when it is not, and gone without a trace."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mfa_middleware.replay.files import store_path
from scripts.demo_story.app import APPS
from tests.wheel import ROOT

EXPECTED = {
    "accepted", "missing_proof", "replayed", "unknown_machine", "missing_credential", "scope_denied", "wrong_target",
    "wrong_binding", "wrong_digest", "use_dpop_nonce", "malformed_proof", "machine_inactive", "forged_token",
}  # fmt: skip
ACCEPTS_ALL = """
import os, random, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-Worker", random.choice("12"))
        self.end_headers()
    do_POST = do_GET
    def log_message(self, *args): pass
host, port = sys.argv[sys.argv.index("--bind") + 1].split(":")
print("this app accepts everything", flush=True)
ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
"""


def environ(folder: Path) -> dict[str, str]:
    """The demo finds the project from anywhere, keeps its files in `folder`, and takes modules from there first."""
    return {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.demo_story", "--requests", "20", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environ(folder), capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("app", APPS)
def test_every_line_comes_out_as_expected(app: str, tmp_path: Path) -> None:
    done = demo(tmp_path, "--app", app, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line for line in lines if not line["ok"]] == [], done.stderr
    assert {line["expected"] for line in lines} == EXPECTED
    assert all(line["code"] == line["expected"] or line["status"] == 200 for line in lines)
    assert {tuple(line) for line in lines} == {("name", "expected", "status", "code", "ok")}
    assert "20 accepted" in done.stderr
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])


def test_table_fits_a_terminal_and_names_the_workers_that_refused(tmp_path: Path) -> None:
    done = demo(tmp_path, "--app", "flask")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert re.search(r"refused by workers \d+ and \d+", done.stdout)
    assert "22 of 22 lines came out as expected." in done.stdout


def test_app_that_accepts_everything_fails_it(tmp_path: Path) -> None:
    (tmp_path / "gunicorn.py").write_text(ACCEPTS_ALL)
    done = demo(tmp_path, "--app", "flask")
    assert done.returncode == 1
    assert re.search(
        r"^FAIL +3 the same proof again, to every worker +replayed +200 accepted$", done.stdout, re.MULTILINE
    )
    assert "this app accepts everything" in done.stdout


def test_app_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "gunicorn.py").write_text("raise SystemExit('no such worker class')")
    done = demo(tmp_path, "--app", "flask")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["examples/flask_app did not start; it said:", "  no such worker class"]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The demo after its story, with the app left running; and what it printed to paste."""
    command = [sys.executable, "-u", "-m", "scripts.demo_story", "--app", "flask", "--requests", "1", "--serve"]
    with subprocess.Popen(
        command, cwd=folder, env=environ(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = ""
            while "tail" not in told:
                line = process.stdout.readline()
                assert line, told
                told += line
            yield process, told
        finally:
            process.terminate()


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_nothing_is_left_however_it_ends(sent: signal.Signals, status: int, tmp_path: Path) -> None:
    with serving(tmp_path) as (process, told):
        (folder,) = tmp_path.iterdir()
        port = int(re.findall(r"http://127\.0\.0\.1:(\d+)", told)[0])
        assert store_path(folder.name).exists()
        process.send_signal(sent)
        assert process.wait(15) == status
        deadline = time.monotonic() + 15
        while folder.exists() or store_path(folder.name).exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_what_it_prints_to_paste_works(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, told):
        script = told.partition("To paste into another terminal:")[2].replace("curl -i", "curl -s -i")
        done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
        assert re.findall(r"HTTP/1\.1 (\d+)", done.stdout) == ["401", "200"]
        assert "is paused" in done.stdout
