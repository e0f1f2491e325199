"""Who plays in the demo: a machine with its keys, a thief, and the file in which the machine is enrolled."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_middleware.client import PrivateKey, load_key, sign_headers

MACHINE: Final = "depot-1"
API_KEY: Final = "demo-key"
FOREIGN_KEY: Final = "key-of-another-team"
ISSUER: Final = "https://issuer.example"
SUBJECT: Final = "depot"


@dataclass(frozen=True, slots=True)
class Cast:
    """The files and keys of one run of the demo, in a folder of its own."""

    folder: Path

    @property
    def registry(self) -> Path:
        return self.folder / "machines.json"

    @property
    def machine_key(self) -> Path:
        return self.folder / "machine.pem"

    @property
    def jwt_public_key(self) -> Path:
        return self.folder / "issuer.pub.pem"

    @property
    def events(self) -> Path:
        return self.folder / "events.jsonl"

    def environ(self, app: str) -> dict[str, str]:
        """What the app of that name is configured with."""
        return {
            "MFA_MACHINES": str(self.registry),
            "MFA_APP": app,
            "MFA_EVENT_LOG": str(self.events),
            "MFA_JWT_ALGORITHMS": "RS256",
            "EXAMPLE_API_KEYS": f"{API_KEY},{FOREIGN_KEY}",
            "EXAMPLE_JWT_PUBLIC_KEY": str(self.jwt_public_key),
            "EXAMPLE_SHOW_WORKER": "1",
        }

    def command(self, *arguments: str, given: str = "") -> str:
        """Run the `mfa-middleware` command, as an operator would; its output."""
        environ = {**os.environ, "MFA_MACHINES": str(self.registry)}
        done = subprocess.run(
            [sys.executable, "-m", "mfa_middleware", *arguments],
            input=given, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"mfa-middleware {' '.join(arguments[:2])} failed: {done.stderr.strip()}")
        return done.stdout

    def enrol(self) -> PrivateKey:
        """Make the machine's key and enrol it, for its API key and for the tokens of its account."""
        self.command("keygen", str(self.machine_key))
        self.command(
            "machines", "add", "depot", "--id", MACHINE, "--key", str(self.machine_key), "--scope", "orders:write",
            "--permit", f"iss={ISSUER},sub={SUBJECT}", "--permit", "key:-", given=API_KEY,
        )  # fmt: skip
        return load_key(self.machine_key)


class Issuer:
    """An identity provider: signs bearer tokens with RS256, and publishes its public key."""

    def __init__(self, public_key: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public_pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        public_key.write_bytes(self.public_pem)

    def token(self) -> str:
        return jwt.encode(self._claims(), self._key, "RS256")

    def unsigned_token(self) -> str:
        """The same claims under alg=none."""
        return jwt.encode(self._claims(), "", "none")

    def confused_token(self) -> str:
        """The same claims under HS256, with the published public key as the secret; made by hand, as thieves do."""
        import hashlib
        import hmac

        header, payload, _ = jwt.encode(self._claims(), "-" * 32, "HS256").split(".")
        mac = hmac.digest(self.public_pem, f"{header}.{payload}".encode(), hashlib.sha256)
        return f"{header}.{payload}.{jwt.utils.base64url_encode(mac).decode()}"

    @staticmethod
    def _claims() -> dict[str, object]:
        return {"iss": ISSUER, "sub": SUBJECT, "exp": int(time.time()) + 600}


def proof(
    key: PrivateKey, method: str, url: str, headers: dict[str, str], body: bytes | None = None, *,
    ahead: float = 0.0, nonce: str | None = None,
) -> str:  # fmt: skip
    """A proof for one request; `ahead`: how far the clock of its machine is ahead, in seconds."""
    signed = sign_headers(key, method, url, headers=headers, body=body, nonce=nonce, clock=lambda: time.time() + ahead)
    return signed["DPoP"]
