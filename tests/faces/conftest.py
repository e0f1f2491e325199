"""Each face is started once, together with its twin that has little room and no nonces."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import pytest

from mfa_middleware.client import PrivateKey
from mfa_middleware.credentials import hash_of
from tests.faces.matrix import FACES
from tests.faces.serving import OTHER_KEY, Served, serving
from tests.helpers import nginx

MACHINES: Mapping[str, Mapping[str, Any]] = {
    "depot": {"scopes": ["orders:write"]},
    "lab": {"scopes": ["orders:write"]},
    "archive": {"scopes": ["orders:write"]},
    "office": {"scopes": ["admin"]},
    "plant": {"networks": ["10.0.0.0/8"]},
    "kiosk": {"networks": ["127.0.0.2/32"]},
    "single": {"credentials": [f"sha256:{hash_of(OTHER_KEY.encode())}"]},
    "night": {},
    "feed": {},
}
ALGORITHMS = {"lab": "Ed25519", "archive": "PS256"}
SMALL_QUOTA = 5
SMALL_BODY = (
    4_000  # a server that closes has read as much with the head: what it has not read would reset the connection
)


@pytest.fixture(scope="session")
def keys() -> Mapping[str, PrivateKey]:
    """The keys of the machines, and of `stranger`, who is not enrolled."""
    return {name: PrivateKey.generate(ALGORITHMS.get(name, "ES256")) for name in (*MACHINES, "stranger")}


@pytest.fixture(scope="session", params=FACES)
def pair(
    request: pytest.FixtureRequest, keys: Mapping[str, PrivateKey], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Served]]:
    face = FACES[request.param]
    if face.origin and nginx.executable() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("nginx is not installed")
    small = {
        "MFA_NONCE": "off",
        "MFA_MACHINE_QUOTA": str(SMALL_QUOTA),
        "MFA_CAPACITY": "1000",
        "MFA_BODY_LIMIT": str(SMALL_BODY),
    }
    with (
        serving(face, tmp_path_factory.mktemp(face.name), keys, MACHINES) as served,
        serving(face, tmp_path_factory.mktemp(f"{face.name}-small"), keys, MACHINES, **small) as twin,
    ):
        yield served.ready(), twin.ready()


@pytest.fixture(scope="session")
def served(pair: tuple[Served, Served]) -> Served:
    return pair[0]


@pytest.fixture(scope="session")
def twin(pair: tuple[Served, Served]) -> Served:
    """The same face with MFA_NONCE=off, a store that is soon full, and room for small bodies only."""
    return pair[1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """A failure shows what the server wrote."""
    report = yield
    pair = getattr(item, "funcargs", {}).get("pair")
    if report.failed and pair is not None:
        for served in pair:
            report.sections.append((f"log of {served.face.name}", served.output[-6000:]))
    return report
