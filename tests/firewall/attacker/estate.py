"""An issuer, its tenants, a machine, and the example apps that trust them."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_middleware.cli.probe.playing import EventTail, Sender
from mfa_middleware.cli.probe.signing import SigningKey, certificate_of, fresh_key
from mfa_middleware.cli.probe.target import KnownKey, Target
from mfa_middleware.client import PrivateKey
from mfa_middleware.machines import add
from mfa_middleware.replay.files import store_path
from tests.helpers.processes import Process, free_port, started, until

__all__ = ["APPS", "AUDIENCE", "ISSUER", "QUOTA", "Estate", "Running", "running", "warm"]

ISSUER, AUDIENCE = "https://issuer.example", "orders"
QUOTA = 1_500
"""How many live proofs the machine may have: more than the campaign needs, fewer than a flood has."""
_UVICORN = (sys.executable, "-m", "uvicorn", "--log-level", "warning", "--no-access-log", "--host", "127.0.0.1")
_GUNICORN = (sys.executable, "-m", "gunicorn", "--log-level", "warning", "--worker-class", "gthread", "--threads", "4")
APPS: Mapping[str, tuple[str, ...]] = {
    "fastapi": (*_UVICORN, "examples.fastapi_app.app:app", "--port", "{}"),
    "fastapi-h11": (*_UVICORN, "examples.fastapi_app.app:app", "--port", "{}", "--http", "h11"),
    "flask": (*_GUNICORN, "examples.flask_app.app:app", "--bind", "127.0.0.1:{}"),
    "django": (*_GUNICORN, "examples.django_app.wsgi:application", "--bind", "127.0.0.1:{}"),
}
"""How each example is served; one server takes out what another lets pass."""


@dataclass(frozen=True)
class Estate:
    """Keys and files, in a folder of their own."""

    folder: Path

    @cached_property
    def issuer(self) -> SigningKey:
        return SigningKey("RS256", fresh_key("RS256", 1).private)

    @cached_property
    def tenants(self) -> tuple[SigningKey, ...]:
        names = {"tenant-a": ("ES256", 1), "tenant-b": ("ES256", 2), "tenant-c": ("EdDSA", 1)}
        return tuple(SigningKey(alg, fresh_key(alg, number).private, kid) for kid, (alg, number) in names.items())

    @cached_property
    def machine(self) -> PrivateKey:
        return PrivateKey.generate()

    def environ(self, name: str, origin: str) -> dict[str, str]:
        """What an app is configured with; writes the files it reads."""
        registry = self.folder / f"{name}.machines.json"
        add(registry, {"name": "depot", "jwk": self.machine.public_jwk, "credentials": ["any"], "scopes": ["admin"]})
        issuer, tenants, certificate = (self.folder / file for file in ("issuer.pem", "tenants.json", "old.crt"))
        issuer.write_bytes(_pem(self.issuer))
        jwks = [{**key.jwk, "kid": key.kid, "alg": key.algorithm, "use": "sig"} for key in self.tenants]
        tenants.write_text(json.dumps({"keys": jwks}))
        certificate.write_bytes(_certificate())
        return {
            "MFA_MACHINES": str(registry),
            "MFA_EVENT_LOG": str(self.folder / f"{name}.jsonl"),
            "MFA_ORIGINS": origin,
            "MFA_MACHINE_QUOTA": str(QUOTA),
            "MFA_JWT_KEYS": f"{issuer}, {tenants}, {certificate}",
            "MFA_JWT_ISSUERS": ISSUER,
            "MFA_JWT_AUDIENCES": AUDIENCE,
            "EXAMPLE_JWT_PUBLIC_KEY": str(issuer),
        }

    def target(self, origin: str) -> Target:
        """What the attacker knows, and what the owner of the app lends him."""
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": "depot", "aud": AUDIENCE, "iat": now, "exp": now + 3_600}
        token = self.issuer.token({"alg": "RS256", "typ": "JWT"}, claims).decode()
        keys = (
            KnownKey("RS256", None, self.issuer.private.public_key()),
            *(KnownKey(key.algorithm, key.kid, key.private.public_key()) for key in self.tenants),
        )
        neighbour = self.tenants[1]
        return Target(f"{origin}/orders", token, keys, self.machine, self.issuer, neighbour)


@dataclass(frozen=True)
class Running:
    """An app that serves honest requests."""

    name: str
    target: Target
    sender: Sender
    events: EventTail
    process: Process

    def honest(self) -> int:
        """The status of an honest request."""
        return self.sender.send(self.target.honest()).status


@contextlib.contextmanager
def running(estate: Estate, name: str, **environ: str) -> Iterator[Running]:
    """Start an example, and wait until it listens."""
    port = free_port()
    origin, app = f"http://127.0.0.1:{port}", f"attacked-{os.getpid()}-{name}"
    settings = {**estate.environ(name, origin), "MFA_APP": app, **environ}
    command = [part.format(port) for part in APPS[name]]
    try:
        with started(command, estate.folder / f"{name}.log", settings) as process:
            until(lambda: process.listens(port), f"{name} listens", seconds=120)
            target = estate.target(origin)
            tail = EventTail(Path(settings["MFA_EVENT_LOG"]))
            yield Running(name, target, Sender(target.url), tail, process)
    finally:
        store_path(app).unlink(missing_ok=True)


def warm(apps: list[Running]) -> None:
    """Wait until the replay stores are old enough for proofs without a nonce."""
    for app in apps:
        until(lambda app=app: app.honest() == 200, f"{app.name} serves honest requests", seconds=120, every=1.0)  # type: ignore[misc]


def _pem(key: SigningKey) -> bytes:
    pem: bytes = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def _certificate() -> bytes:
    """The certificate of one more key, for names by `x5t`."""
    der = b64decode(certificate_of(fresh_key("ES384", 1), time.time()))
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
