"""Family F: `crit`, `b64`, `typ`, and headers that do not belong there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mfa_middleware.cli.probe.forgeries.made import Forged, Tokens
from mfa_middleware.cli.probe.signing import fresh_key
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.cli.probe.tokens import compact, joined, segment
from mfa_middleware.client.keys import PrivateKey

__all__ = ["TOKENS"]


def _headers(*headers: Mapping[str, Any]) -> Tokens:
    """Headers with more members, signed by whom there is."""
    return lambda target: (Forged(target.signed(header), ascii(header)) for header in headers)


def _detached(target: Target) -> Iterator[Forged]:
    header, _, signature = target.signed().split(b".")
    yield Forged(header + b".." + signature, "the payload taken out")


def _unencoded(target: Target) -> Iterator[Forged]:
    yield from _headers({"b64": False, "crit": ["b64"]}, {"b64": True, "crit": ["b64"]}, {"b64": False})(target)
    key = target.issuer or fresh_key("RS256")
    header = segment({**target.header, "alg": key.algorithm, "b64": False, "crit": ["b64"]})
    payload = b'{"sub":"admin"}'
    yield Forged(header + b"." + payload + b"." + segment(key.sign(header + b"." + payload)), "the payload as it is")


def _proof(target: Target) -> Iterator[Forged]:
    key = PrivateKey.generate()
    yield Forged(target.proof(b"", by=key, ath=None), "a DPoP proof")
    header = {"typ": "kb+jwt", "alg": "ES256"}
    signature = key.sign(joined(header, target.claims))
    yield Forged(compact(header, target.claims, signature), "a key binding of a credential")


def _id_token(target: Target) -> Iterator[Forged]:
    yield Forged(target.signed(claims={**target.claims, "nonce": "n-0S6_WzA2Mj"}), "nonce")
    yield Forged(target.signed(claims={**target.claims, "at_hash": "a" * 22}), "at_hash")


TOKENS: Final[Mapping[str, Tokens]] = {
    "crit_unknown": _headers({"crit": ["exp-policy"], "exp-policy": 1}, {"crit": ["http://example.com/a"],
                             "http://example.com/a": True}),
    "crit_malformed": _headers({"crit": []}, {"crit": "b64"}, {"crit": ["x", "x"], "x": 1}, {"crit": ["alg"]},
                               {"crit": ["absent"]}, {"crit": [1]}, {"crit": None}),
    "unencoded_payload": _unencoded,
    "detached_payload": _detached,
    "proof_as_token": _proof,
    "foreign_typ": _headers({"typ": "logout+jwt"}, {"typ": "vp+jwt"}, {"typ": "secevent+jwt"}, {"typ": 1}),
    "id_token_as_access_token": _id_token,
    "foreign_header": _headers({"zip": "DEF"}, {"epk": {}}, {"apu": "AA"}),
}  # fmt: skip
