"""The two JWT libraries of npm, run by node."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.firewall.honest.contents import CONTENTS, Content
from tests.firewall.honest.keys import ALGORITHMS, key_for
from tests.firewall.honest.makers import Honest
from tests.interop.node import FOLDER, installed

__all__ = ["NPM", "by_npm"]

NPM = ("jose", "jsonwebtoken")
_SCRIPT = Path(__file__).with_name("tokens.mjs")


def by_npm(name: str, rounds: int) -> Iterator[Honest]:
    """Every content under every algorithm of the library. Raises UnavailableError where npm cannot be had."""
    node, _ = installed()
    script = FOLDER / _SCRIPT.name
    shutil.copy(_SCRIPT, script)
    contents = [content._asdict() for content in CONTENTS if name != "jsonwebtoken" or _is_plain(content)]
    job = json.dumps({"rounds": rounds, "keys": {name: _key(name) for name in ALGORITHMS}, "contents": contents})
    done = subprocess.run(
        [node.program, str(script), name], input=job.encode(), capture_output=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    for line in done.stdout.splitlines():
        algorithm, content, token = json.loads(line)
        yield Honest(token.encode("ascii"), f"npm {name}", algorithm, content)


def _is_plain(content: Content) -> bool:
    """jsonwebtoken writes a header with other letters than ASCII in Latin-1, which is no JWS (RFC 7515 3)."""
    return str(dict(content.header)).isascii()


def _key(algorithm: str) -> dict[str, str]:
    key = key_for(algorithm)
    if key.is_secret:
        return {"secret": base64.b64encode(key.private).decode()}
    return {"pem": key.pem.decode()}
