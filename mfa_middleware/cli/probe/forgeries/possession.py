"""Family I: proofs of possession (RFC 9449). All but the missing ones take the key of an enrolled machine to play."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from mfa_middleware.cli.probe.call import Attack, Call, Line
from mfa_middleware.cli.probe.forgeries.made import Attacks
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.client.keys import PrivateKey
from mfa_middleware.jose.jwk import b64url

__all__ = ["ATTACKS"]

_Calls: TypeAlias = Iterable[tuple[str, tuple[Call, ...]]]
_FLOOD: Final = 2_000


def _attacks(trick: str, calls: Callable[[Target, bytes], _Calls], *, machine: bool = True) -> Attacks:
    """The attacks of a row, with the honest token; none where there is no machine to make proofs."""

    def attacks(target: Target) -> Iterator[Attack]:
        if machine and target.machine is None:
            return
        for note, made in calls(target, target.token.encode("ascii")):
            yield Attack(trick, note, made)

    return attacks


def _sent(target: Target, token: bytes, *proofs: bytes, scheme: str = "Bearer") -> tuple[Call]:
    """A request with a token and these DPoP lines."""
    lines: list[Line] = [("Authorization", scheme.encode("ascii") + b" " + token)]
    return (Call("GET", target.path.encode("ascii"), (*lines, *(("DPoP", proof) for proof in proofs))),)


def _changed(*claims: Mapping[str, Any]) -> Callable[[Target, bytes], _Calls]:
    """Proofs with changed claims."""

    def calls(target: Target, token: bytes) -> _Calls:
        for change in claims:
            yield ascii(dict(change))[:60], _sent(target, token, target.proof(token, **change))

    return calls


def _headed(*headers: Mapping[str, Any]) -> Callable[[Target, bytes], _Calls]:
    """Proofs with a changed header."""

    def calls(target: Target, token: bytes) -> _Calls:
        for header in headers:
            yield ascii(dict(header))[:60], _sent(target, token, target.proof(token, header))

    return calls


def _shifted(*seconds: float) -> Callable[[Target, bytes], _Calls]:
    """Proofs of another time."""

    def calls(target: Target, token: bytes) -> _Calls:
        for shift in seconds:
            proof = target.proof(token, iat=int(target.clock() + shift))
            yield f"{shift:.0f} s", _sent(target, token, proof)

    return calls


def _bound(target: Target, jkt: str) -> bytes:
    return target.signed(claims={**target.claims, "cnf": {"jkt": jkt}})


def _unproven(scheme: str) -> Callable[[Target, bytes], _Calls]:
    def calls(target: Target, _: bytes) -> _Calls:
        yield f"under {scheme}", _sent(target, _bound(target, "a" * 43), scheme=scheme)

    return calls


def _two_proofs(target: Target, token: bytes) -> _Calls:
    one, two = target.proof(token), target.proof(token)
    yield "two lines", _sent(target, token, one, two)
    yield "one line with a comma", _sent(target, token, one + b", " + two)


def _wrong_key(target: Target, token: bytes) -> _Calls:
    enrolled = target.machine.public_jwk if target.machine is not None else {}
    other = PrivateKey.generate()
    yield "the jwk of a machine, another key", _sent(target, token, target.proof(token, {"jwk": dict(enrolled)}, other))


def _not_the_bound_key(target: Target, _: bytes) -> _Calls:
    token = _bound(target, "a" * 43)
    yield "a token of another key", _sent(target, token, target.proof(token), scheme="DPoP")


def _unknown_key(target: Target, token: bytes) -> _Calls:
    for algorithm in ("ES256", "Ed25519"):
        yield algorithm, _sent(target, token, target.proof(token, by=PrivateKey.generate(algorithm)))


def _private_member(target: Target, token: bytes) -> _Calls:
    yield from _headed({"jwk": None}, {"jwk": "x"}, {"jwk": {"kty": "oct", "k": "AAAA"}})(target, token)
    enrolled = dict(target.machine.public_jwk) if target.machine is not None else {}
    yield "with d", _sent(target, token, target.proof(token, {"jwk": {**enrolled, "d": "AAAA"}}))


def _other_type(target: Target, token: bytes) -> _Calls:
    okp = {"kty": "OKP", "crv": "Ed25519", "x": b64url(b"\7" * 32)}
    yield from _headed({"alg": "ES256", "jwk": okp}, {"alg": "PS256"})(target, token)


def _replayed(target: Target, _: bytes) -> _Calls:
    call = target.honest()
    yield "the same request twice", (call, call)


def _unbound(target: Target, token: bytes) -> _Calls:
    yield "under the scheme DPoP", _sent(target, token, target.proof(token), scheme="DPoP")


def _elsewhere(target: Target, token: bytes) -> _Calls:
    cookie: Line = ("Cookie", b"dpop=" + target.proof(token))
    yield "in a cookie", (target.call(token, cookie),)


def _flood(target: Target, _: bytes) -> _Calls:
    yield f"{_FLOOD} proofs of one machine", tuple(target.honest() for _ in range(_FLOOD))


def _bad_claims() -> Iterator[Mapping[str, Any]]:
    yield from ({"jti": None}, {"jti": ""}, {"jti": 1}, {"jti": "j" * 400}, {"htm": 1}, {"htu": None}, {"iat": "1"})


_URLS: Final = (
    "http://127.0.0.1\\@attacker.example/orders", "http://user@127.0.0.1/orders", "http://\uff11\uff12\uff17.0.0.1/orders",
    "http://127.0.0.1/ord\ters", "http://127.0.0.1%2eattacker.example/orders",
)  # fmt: skip
ATTACKS: Final[Mapping[str, Attacks]] = {
    trick: _attacks(trick, calls)
    for trick, calls in {
        "multiple_proofs": _two_proofs,
        "proof_typ": _headed({"typ": "JWT"}, {"typ": None}, {"typ": "at+jwt"}),
        "proof_algorithm": _headed({"alg": "none"}, {"alg": "HS256"}, {"alg": "RS256"}),
        "proof_key_malformed": _private_member,
        "proof_key_type": _other_type,
        "proof_signature": _wrong_key,
        "proof_key_mismatch": _not_the_bound_key,
        "proof_key_unknown": _unknown_key,
        "proof_method": _changed({"htm": "POST"}, {"htm": "get"}),
        "proof_url": _changed({"htu": "https://attacker.example/orders"}, {"htu": "http://127.0.0.1/else"}),
        "proof_url_obfuscated": _changed(*({"htu": url} for url in _URLS)),
        "proof_claims": _changed(*_bad_claims()),
        "proof_binding": _changed({"ath": None}, {"ath": "a" * 43}),
        "unbound_upgrade": _unbound,
        "proof_elsewhere": _elsewhere,
        "proof_critical_header": _headed({"crit": ["x"], "x": 1}, {"b64": False}),
        "proof_query": _changed({"htq": "a" * 43}),
        "proof_body": _changed({"htd": "sha-256=:" + "A" * 43 + "=:"}),
        "proof_stale": _shifted(-600.0, -90.0),
        "proof_from_future": _shifted(600.0, 90.0),
        "proof_replay": _replayed,
        "replay_flood": _flood,
        "proof_nonce": _changed({"nonce": "AAAA"}, {"nonce": "x" * 80}),
    }.items()
} | {
    "bound_token_without_proof": _attacks("bound_token_without_proof", _unproven("DPoP"), machine=False),
    "bearer_downgrade": _attacks("bearer_downgrade", _unproven("Bearer"), machine=False),
}
