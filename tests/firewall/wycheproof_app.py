"""One app for each group of Wycheproof's vectors, each with the key of its group, under one server.

WYCHEPROOF_ROOT is the folder of the vectors. The app itself only asks whether what it gets looks like a token.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from mfa_middleware.asgi import MFAMiddleware
from mfa_middleware.client.keys import jwk_of
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.firewall.keys import open_keys

__all__ = ["FILES", "application", "groups"]

FILES = {"jws": "json_web_signature_test.json", "jwe": "json_web_encryption_test.json"}


def groups(root: Path, kind: str) -> list[dict[str, Any]]:
    """The groups of a file."""
    document = json.loads((root / FILES[kind]).read_text("utf-8"))
    found: list[dict[str, Any]] = document["testGroups"]
    return found


def key_of(group: dict[str, Any]) -> str:
    """The key of a group for MFA_JWT_KEYS; where it is not for signatures, one that nobody uses."""
    jwk = json.dumps(group.get("public", group["private"]))
    try:
        open_keys([jwk])
    except ConfigurationError:
        return json.dumps(jwk_of(ec.generate_private_key(ec.SECP256R1()).public_key()))
    return jwk


async def _inner(scope: Any, receive: Any, send: Any) -> None:
    token = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")[2]
    status = 200 if token.count(b".") >= 2 else 401
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def application() -> Any:
    """Serves /jws/N and /jwe/N for the groups of the two files."""
    root = Path(os.environ["WYCHEPROOF_ROOT"])
    apps = {
        f"/{kind}/{number}": MFAMiddleware(_inner, jwt_keys=key_of(group))
        for kind in FILES
        for number, group in enumerate(groups(root, kind))
    }

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await apps[scope["path"]](scope, receive, send)

    return dispatch
