from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .https_server import JwksServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[JwksServer]:
    with JwksServer(tmp_path).running() as running:
        yield running
