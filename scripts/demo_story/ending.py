"""The end of the demo, however it comes: no process, folder or store file of its own stays behind."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

from mfa_middleware.replay.files import store_path

# Its standard input ends when the demo ends, even by kill -9. Each line of it names a process group.
_CARETAKER: Final = """
trap '' INT TERM HUP
groups=
while read -r group; do groups="$groups $group"; done
for group in $groups; do
  kill -s TERM -- "-$group"
  tries=0
  while [ "$tries" -lt 100 ] && kill -s 0 -- "-$group"; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL -- "-$group"
done
rm -rf -- "$@"
"""


class Ending:
    """What has to go at the end: the folder, the store file of the app `name`, and the processes told to it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mfa-demo-"))
        self.name = self.folder.name
        self._caretaker = subprocess.Popen(
            ["/bin/sh", "-c", _CARETAKER, "sh", str(self.folder), str(store_path(self.name))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ends(self, process: subprocess.Popen[bytes]) -> None:
        """Have a process that leads its own group ended with the demo."""
        assert self._caretaker.stdin is not None
        self._caretaker.stdin.write(f"{process.pid}\n".encode())
        self._caretaker.stdin.flush()

    def come(self) -> None:
        """Clean up now, and wait until it is done."""
        assert self._caretaker.stdin is not None
        self._caretaker.stdin.close()
        self._caretaker.wait()


@contextlib.contextmanager
def ending() -> Iterator[Ending]:
    """Clean up after the block, and also where a signal ends it."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _leave)
    end = Ending()
    try:
        yield end
    finally:
        end.come()


def _leave(signum: int, _: FrameType | None) -> None:
    raise SystemExit(128 + signum)
