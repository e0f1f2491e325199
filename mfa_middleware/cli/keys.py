"""The public key of a machine, from whatever file or text its owner has at hand."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from mfa_middleware.cli.errors import CommandError
from mfa_middleware.cli.parser import Parser
from mfa_middleware.cli.sources import read_bytes, read_input
from mfa_middleware.client.keyfile import load_key
from mfa_middleware.client.keys import jwk_of
from mfa_middleware.jose.algorithms import ALGORITHMS
from mfa_middleware.jose.jwk import PRIVATE, public_jwk
from mfa_middleware.jose.strict import Malformed, parse_object

__all__ = ["Jwk", "add_key_options", "public_key", "usual_algorithm"]

Jwk = dict[str, str]
_EXPECTED = "write a PEM key (-----BEGIN PUBLIC KEY-----) or a JWK"


def add_key_options(parser: Parser) -> None:
    """`--key` and `--jwk`, one of which must be given."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--key", metavar="FILE", help="the key of the machine: a PEM file, private or public")
    group.add_argument("--jwk", metavar="JWK", help="its public JWK: the JSON itself, a file, or - (standard input)")


def public_key(key: str | None, jwk: str | None) -> tuple[Jwk, str | None]:
    """The public JWK that `--key` or `--jwk` names, and its algorithm where that is said.

    Raises CommandError or ConfigurationError, which quote no key.
    """
    if key is not None:
        return _from_file(key)
    text = jwk or ""
    if text.lstrip()[:1] == "{":
        return _from_jwk(text.encode(), "--jwk")
    return _from_jwk(read_input() if text == "-" else read_bytes(text), f"--jwk {text}")


def usual_algorithm(jwk: Mapping[str, str]) -> str | None:
    """The algorithm of a key that names none."""
    return next((name for name, algorithm in ALGORITHMS.items() if algorithm.fits(jwk)), None)


def _from_file(path: str) -> tuple[Jwk, str | None]:
    raw = read_bytes(path)
    if _is_private(raw):
        key = load_key(path, create=False)
        return dict(key.public_jwk), key.alg
    if raw.lstrip()[:1] == b"{":
        return _from_jwk(raw, path)
    try:
        return public_jwk(jwk_of(load_pem_public_key(raw))), None
    except Malformed as error:
        raise CommandError(f"{path}: {error}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CommandError(f"{path}: is no key that can be read; {_EXPECTED}") from error


def _from_jwk(raw: bytes, source: str) -> tuple[Jwk, str | None]:
    try:
        jwk = parse_object(raw.strip())
        named = jwk.get("alg")
        return public_jwk(jwk), named if isinstance(named, str) else None
    except Malformed as error:
        raise CommandError(f"{source}: {error} (for the file of a private key: --key)") from error


def _is_private(raw: bytes) -> bool:
    if b"PRIVATE KEY-----" in raw:
        return True
    try:
        return not PRIVATE.isdisjoint(parse_object(raw.strip()))
    except Malformed:
        return False
