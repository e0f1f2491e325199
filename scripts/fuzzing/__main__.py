"""Fuzz the firewall's inspector, guided by coverage: nothing may raise, nothing may take more than 2 ms.

Inputs that seemed slow are timed once more without instrumentation, in CPU time, the best of several runs. The last
line counts; the exit status is 0 only if nothing raised and nothing was slow.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mfa_middleware.firewall import Inspector
from scripts.fuzzing.inspectors import MAX_LENGTH, inspect, made
from scripts.fuzzing.seeds import write_seeds

_LIMIT: Final = 0.002  # seconds
_RUNS: Final = 9
_MEGABYTES: Final = 512
_EXECUTED: Final = re.compile(r"number_of_executed_units: *([0-9]+)")


def main(given: Sequence[str] | None = None) -> int:
    """Exit status 0 only if nothing raised and nothing was slow."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz-inspector", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long to fuzz; default: 60")
    parser.add_argument("--corpus", type=Path, help="a folder of inputs to begin with, which new ones are added to")
    arguments = parser.parse_args(given)
    with tempfile.TemporaryDirectory(prefix="mfa-fuzz-") as name:
        return _fuzz(Path(name), arguments.seconds, arguments.corpus)


def _fuzz(folder: Path, seconds: int, given: Path | None) -> int:
    corpus, seeds = given or folder / "corpus", folder / "seeds"
    for one in (corpus, seeds, folder / "raised", folder / "slow"):
        one.mkdir(parents=True, exist_ok=True)
    write_seeds(seeds)
    status, told = _child(folder, seconds, (corpus, seeds))
    raised = [path.with_suffix(".why").read_text("utf-8") for path in _inputs(folder / "raised")]
    slow = list(_slow(_inputs(folder / "slow")))
    for line in (*(f"RAISED {why}" for why in raised), *slow):
        print(line)
    executed = _EXECUTED.search(told)
    if status or executed is None:
        print(f"the fuzzer ended with status {status}:\n{told[-3000:]}", file=sys.stderr)
    print(f"runs={executed[1] if executed else 0} exceptions={len(raised)} slow={len(slow)}")
    return 1 if status or raised or slow or executed is None else 0


def _child(folder: Path, seconds: int, inputs: Sequence[Path]) -> tuple[int, str]:
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_LENGTH + 1}", f"-rss_limit_mb={_MEGABYTES}"]
    options += ["-print_final_stats=1", f"-artifact_prefix={folder}/", *map(str, inputs)]
    command = [sys.executable, "-m", "scripts.fuzzing.child", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stderr


def _inputs(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if not path.suffix]


def _slow(paths: Sequence[Path]) -> Iterator[str]:
    """Inputs that take too long without instrumentation too; caches are as warm as in a server."""
    inspectors = made()
    for path in paths:
        data = path.read_bytes()
        best = min(_seconds(inspectors, data) for _ in range(_RUNS))
        if best > _LIMIT:
            print(f"SLOW begins with {data[:60]!r}")
            yield f"SLOW {best * 1000:.2f} ms for {len(data)} bytes"


def _seconds(inspectors: Sequence[Inspector], data: bytes) -> float:
    began = time.process_time()
    inspect(inspectors, data)
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
