"""A small HTTP server on loopback that judges each proof for itself, with PyJWT, and keeps what it saw."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt

from mfa_middleware.uri import is_printable, normalise, normalise_path


def b64url_sha256(octets: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(octets).digest()).rstrip(b"=").decode()


@dataclass
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    close: bool = False
    drop: bool = False


@dataclass
class Seen:
    origin: str
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def proofs(self) -> list[str]:
        return self.all("dpop")

    @property
    def claims(self) -> dict[str, Any]:
        return verified(self.proofs[0])

    @property
    def jti(self) -> str:
        return self.claims["jti"]


def verified(proof: str) -> dict[str, Any]:
    header = jwt.get_unverified_header(proof)
    assert header["typ"] == "dpop+jwt"
    assert set(header) == {"typ", "alg", "jwk"}
    algorithm = {"Ed25519": "EdDSA"}.get(header["alg"], header["alg"])
    key = jwt.PyJWK({**header["jwk"], "alg": algorithm})
    if header["alg"] == "Ed25519":  # PyJWT verifies under the older name only
        claims, signed = proof.split(".")[1], proof.rpartition(".")
        key.key.verify(jwt.utils.base64url_decode(signed[2]), signed[0].encode())
        return json.loads(jwt.utils.base64url_decode(claims))
    options = {"verify_iat": False, "verify_aud": False}
    return jwt.decode(proof, key, algorithms=[algorithm], options=options)


def faults(seen: Seen, now: float) -> list[str]:
    """What is wrong with the proof of a request, by name of the claim."""
    if len(seen.proofs) != 1:
        return [f"{len(seen.proofs)} proofs"]
    claims = seen.claims
    wrong = []
    if claims["htm"] != seen.method:
        wrong.append("htm")
    if not is_printable(claims["htu"]) or normalise(claims["htu"]) != seen.origin + normalise_path(seen.path):
        wrong.append("htu")
    if is_printable(seen.path) and claims["htu"] != seen.origin + seen.path:
        wrong.append("htu is not as on the wire")
    if not isinstance(claims["iat"], int) or not -15 <= now - claims["iat"] <= 60:
        wrong.append("iat")
    present = _credentials(seen)
    if claims.get("ath") != (present[0][1] if present else None):
        wrong.append("ath")
    if claims.get("oth", {}) != dict(present[1:]):
        wrong.append("oth")
    if claims.get("htq") != b64url_sha256(seen.query.encode("latin-1")):
        wrong.append("htq")
    digest = f"sha-256=:{b64encode(hashlib.sha256(seen.body).digest()).decode()}:"
    if "htd" in claims and claims["htd"] != digest:
        wrong.append("htd")
    return wrong


def _credentials(seen: Seen) -> list[tuple[str, str]]:
    found = []
    if value := seen.all("authorization"):
        found.append(("authorization", b64url_sha256(value[0].split(" ")[-1].encode())))
    if value := seen.all("x-api-key"):
        found.append(("x-api-key", b64url_sha256(value[0].encode())))
    return found


class ProofServer:
    """Serves on a loopback port. `script` holds answers for the next requests; without one, the proof is judged."""

    def __init__(self, clock: Callable[[], float] = time.time, *, tls: ssl.SSLContext | None = None) -> None:
        self.clock = clock
        self.seen: list[Seen] = []
        self.jtis: set[str] = set()
        self.peers: set[tuple[str, int]] = set()
        self.script: deque[Answer | Callable[[Seen], Answer]] = deque()
        self.always: Callable[[Seen], Answer | None] = lambda seen: None
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self.port = self._server.server_port

    def __enter__(self) -> ProofServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, seen: Seen) -> Answer:
        with self._lock:
            self.seen.append(seen)
            planned = self.script.popleft() if self.script else self.always(seen)
            if planned is None:
                planned = self.judge(seen)
            return planned(seen) if callable(planned) else planned

    def judge(self, seen: Seen) -> Answer:
        wrong = faults(seen, self.clock())
        if wrong:
            return refusal("malformed_proof", wrong=wrong)
        if seen.jti in self.jtis:
            return refusal("replayed")
        self.jtis.add(seen.jti)
        return Answer(body=json.dumps({"jti": seen.jti}).encode())


def refusal(code: str, headers: dict[str, str] | None = None, **members: object) -> Answer:
    body = json.dumps({"code": code, **members}).encode()
    return Answer(401, {"Content-Type": "application/problem+json", **(headers or {})}, body)


def nonce_challenge(nonce: str) -> Answer:
    headers = {"WWW-Authenticate": 'DPoP error="use_dpop_nonce", algs="ES256"', "DPoP-Nonce": nonce}
    return refusal("use_dpop_nonce", headers)


def redirect(status: int, location: str) -> Answer:
    return Answer(status, {"Location": location}, b"")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write for head and body, or each answer waits for a delayed ACK
    owner: ProofServer

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ValueError):
            self.close_connection = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        body = self._body()
        self.owner.peers.add(self.client_address)
        target = self.requestline.split(" ")[1]
        origin = self.owner.origin
        if target.startswith("http://"):  # as a proxy is asked
            origin, _, target = target.partition("/hop")
            target = "/hop" + target
        answer = self.owner.answer(Seen(origin, self.command, target, list(self.headers.items()), body))
        if answer.drop:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        if answer.close:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_: object) -> None:
        pass
