"""Tokens of AWS load balancers: padded segments, and a signature over the padded text."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from mfa_middleware.firewall.verification import Reason, Verification
from tests.firewall.keys.material import NOW, pem_of, private_key
from tests.firewall.test_verification import es256, verifier

HEADER = b'{"typ":"JWT","alg":"ES256","kid":"a","signer":"arn"}'
PAYLOAD = b'{"sub":"press-4","exp":%d}' % (NOW + 60)


def _signature(message: bytes) -> bytes:
    key: Any = private_key("ES256")
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def _padded(payload: bytes = PAYLOAD) -> bytes:
    message = b".".join(urlsafe_b64encode(part) for part in (HEADER, payload))
    return message + b"." + urlsafe_b64encode(_signature(message))


def _verify(token: bytes) -> Verification:
    return verifier(pem_of(private_key("ES256"))).verify(token)


def test_one_verifies() -> None:
    assert b"=" in _padded()
    assert _verify(_padded()).claims == {"sub": "press-4", "exp": NOW + 60}


def test_a_changed_one_does_not() -> None:
    other = _padded(PAYLOAD.replace(b"press-4", b"press-5"))
    mixed = b".".join([*other.split(b".")[:2], _padded().split(b".")[2]])
    assert _verify(mixed).reason is Reason.UNKNOWN_KEY


@pytest.mark.parametrize("change", [lambda token: token + b"=", lambda token: token.replace(b".", b"=.", 1)])
def test_padding_that_somebody_added_to_a_token_does_not(change: Any) -> None:
    assert not _verify(change(es256({"sub": "a"}))).is_verified
    assert not _verify(change(_padded())).is_verified


def test_padding_around_an_honest_signature_is_not_what_was_signed() -> None:
    token = es256({"sub": "a"})
    token = es256({"sub": "ab"}) if len(token.split(b".")[1]) % 4 == 0 else token
    padded = b".".join(part + b"=" * (-len(part) % 4) for part in token.split(b"."))
    assert b"=" in padded.rpartition(b".")[0]
    assert not _verify(padded).is_verified
