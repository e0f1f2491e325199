"""PyJWT, which shares no code with the package, agrees on honest proofs and on broken signatures."""

from __future__ import annotations

import json

import jwt
import pytest

from mfa_middleware.errors import Code
from tests.helpers.bench import Bench
from tests.helpers.keys import key_for

ALGORITHMS = ["ES256", "ES384", "EdDSA", "PS256", "RS256"]


def opinion(proof: bytes) -> bool:
    """Whether PyJWT verifies a proof under the key in its header."""
    text = proof.decode("ascii")
    header = jwt.get_unverified_header(text)
    key = jwt.PyJWK(header["jwk"], algorithm=header["alg"])
    try:
        jwt.decode(text, key, algorithms=[header["alg"]], options={"verify_iat": False, "verify_jti": False})
    except jwt.InvalidSignatureError:
        return False
    return True


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_an_honest_proof_verifies_for_both(alg: str) -> None:
    bench = Bench(key=key_for(alg), algorithms=", ".join(ALGORITHMS))
    proof = bench.proof()
    assert opinion(proof)
    assert bench.code(proof) is None


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_broken_signature_verifies_for_neither(alg: str) -> None:
    bench = Bench(key=key_for(alg), algorithms=", ".join(ALGORITHMS))
    message, _, signature = bench.proof().rpartition(b".")
    broken = message + b"." + signature[:10] + (b"A" if signature[10:11] != b"A" else b"B") + signature[11:]
    assert not opinion(broken)
    assert bench.code(broken) is Code.BAD_SIGNATURE


def test_they_read_the_same_claims() -> None:
    bench = Bench()
    proof = bench.proof(x="é\U0001f600", htm="POST")
    theirs = jwt.decode(proof.decode(), options={"verify_signature": False})
    ours = bench.guard._reader.read([proof]).claims
    assert json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)
