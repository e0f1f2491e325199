"""The process that fuzzes: what raises, and what seems slow under instrumentation, goes into files.

python -m scripts.fuzzing.child FOLDER [options of libFuzzer]
"""

from __future__ import annotations

import sys
import time
import traceback
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import atheris

with atheris.instrument_imports(include=["mfa_middleware.firewall", "mfa_middleware.jose"]):
    from scripts.fuzzing.inspectors import inspect, made

__all__: list[str] = []

_SUSPECT: Final = 0.002  # seconds of CPU; instrumented code is slower, so what is fast here is fast
_KEPT: Final = 200


def main(folder: Path, options: list[str]) -> None:
    """Fuzz until libFuzzer ends the process."""
    inspectors, seen = made(), set[str]()

    def run(data: bytes) -> None:
        began = time.process_time()
        try:
            inspect(inspectors, data)
        except Exception as error:
            _keep(folder / "raised", data, _place(error), seen)
        if time.process_time() - began > _SUSPECT:
            _keep(folder / "slow", data, f"{len(data)}", seen)

    atheris.Setup([sys.argv[0], *options], run)
    atheris.Fuzz()


def _place(error: Exception) -> str:
    """What raised where, so that one fault is kept once."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"


def _keep(folder: Path, data: bytes, name: str, seen: set[str]) -> None:
    if name not in seen and len(seen) < _KEPT:
        seen.add(name)
        stem = sha256(data).hexdigest()[:16]
        (folder / stem).write_bytes(data)
        (folder / f"{stem}.why").write_text(name, "utf-8")


if __name__ == "__main__":
    arguments: list[Any] = sys.argv[1:]
    main(Path(arguments[0]), arguments[1:])
