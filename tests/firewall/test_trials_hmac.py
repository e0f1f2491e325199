"""An HMAC over any form of a registered public key, a blank key or a known secret is named for what it is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.firewall.keys import KeyRing
from mfa_middleware.firewall.trials import KNOWN_SECRETS, Confirmed, Suspect, Trials, read_secrets
from mfa_middleware.firewall.trials.allowance import Allowance, Rate
from mfa_middleware.jose.jwk import b64url

from .keys.material import NOW, certificate_of, jwk_of, jwks_of, pem_of, private_key, ring_of, secret_jwk

HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
FREE = Rate(1e9, 1e9)
Forms = Iterator[tuple[str, bytes]]


def forged(secret: bytes, alg: Any = "HS256", digest: str | None = None, **header: Any) -> Suspect:
    """A token whose signature is an HMAC with a secret."""
    parts = {"alg": alg} | header, {"sub": "admin", "exp": int(NOW) + 600}
    message = ".".join(b64url(json.dumps(part).encode()) for part in parts).encode()
    signature = hmac.digest(secret, message, digest or HASHES[alg])
    return Suspect(message, signature, parts[0])


def trials_of(*items: Any, listed: tuple[bytes, ...] = ()) -> Trials:
    return Trials(ring_of(*items), listed=listed, allowance=Allowance(FREE, FREE))


def ids(found: tuple[Confirmed, ...] | None) -> list[str]:
    assert found is not None
    return [confirmed.id for confirmed in found]


# The forms, made here without a look at how the package makes them.


def pem_forms(pem: bytes) -> Forms:
    bare = pem.rstrip(b"\n")
    lines = bare.split(b"\n")
    yield "LF", pem
    yield "no final newline", bare
    yield "CRLF", b"\r\n".join(lines) + b"\r\n"
    yield "CRLF, no final newline", b"\r\n".join(lines)
    yield "CR", b"\r".join(lines) + b"\r"
    yield "one line", b"".join(lines)
    yield "spaces", b" ".join(lines)
    yield "environment file", b"\\n".join(lines)
    yield "environment file, final newline", b"\\n".join(lines) + b"\\n"
    yield "leading newline", b"\n" + pem
    yield "both", b"\n" + pem + b"\n"
    yield "two final newlines", pem + b"\n"
    yield "leading space", b" " + pem
    yield "trailing space", bare + b" "
    yield "BOM", b"\xef\xbb\xbf" + pem
    yield "zero width", b"\xe2\x80\x8b" + pem
    yield "comment", b"#\n" + pem
    yield "body", b"".join(lines[1:-1])


def der_forms(der: bytes) -> Forms:
    yield "DER", der
    yield "base64", base64.b64encode(der)
    yield "base64url", base64.urlsafe_b64encode(der).rstrip(b"=")


def json_forms(value: Any) -> Forms:
    for sort in (False, True):
        yield f"compact {sort}", json.dumps(value, separators=(",", ":"), sort_keys=sort).encode()
        yield f"plain {sort}", json.dumps(value, sort_keys=sort).encode()
    yield "indented", json.dumps(value, indent=2).encode()


def forms_of(private: Any) -> Forms:
    public = private.public_key()
    kinds = [PublicFormat.SubjectPublicKeyInfo] + [PublicFormat.PKCS1] * hasattr(public, "encrypt")
    for kind in kinds:
        for name, form in pem_forms(public.public_bytes(Encoding.PEM, kind)):
            yield f"{kind} {name}", form
        for name, form in der_forms(public.public_bytes(Encoding.DER, kind)):
            yield f"{kind} {name}", form
    yield "OpenSSH", public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    jwk = jwk_of(private)
    yield from json_forms(jwk)
    yield from json_forms({"kty": jwk["kty"]} | jwk)
    for member in {"n", "x", "y"} & jwk.keys():
        yield member, jwk[member].encode()
        yield f"{member} raw", base64.urlsafe_b64decode(jwk[member] + "==")
    if jwk["kty"] == "EC":
        yield "point", public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        yield "compressed", public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384", "ES512", "Ed25519"])
@pytest.mark.parametrize(
    "configured", [pem_of, lambda private: jwk_of(private), lambda private: jwks_of(jwk_of(private))]
)
def test_every_form_of_a_registered_key_is_confirmed(algorithm: str, configured: Callable[[Any], Any]) -> None:
    private = private_key(algorithm)
    trials = trials_of(configured(private))
    tried = 0
    for name, form in forms_of(private):
        for alg in HASHES:
            found = trials.confirm(forged(form, alg), "a")
            assert ids(found) == ["key_confusion"], (name, alg)
            tried += 1
    assert tried >= 90


def test_every_form_of_a_certificate_is_confirmed() -> None:
    private = private_key("RS256")
    certificate = certificate_of(private)
    pem, der = certificate.public_bytes(Encoding.PEM), certificate.public_bytes(Encoding.DER)
    in_jwk = jwk_of(private, x5c=[base64.b64encode(der).decode()])
    for item in (pem.decode(), in_jwk):
        trials = trials_of(item)
        for name, form in (*pem_forms(pem), *der_forms(der), *forms_of(private)):
            assert ids(trials.confirm(forged(form), "a")) == ["key_confusion"], name


def test_the_very_text_of_the_configuration_is_confirmed(tmp_path: Path) -> None:
    private, path = private_key("ES256"), tmp_path / "key.pem"
    text = "// made on Tuesday, for the shop\r\n\t" + pem_of(private).replace("\n", "\r\n") + "  \n# end"
    path.write_bytes(text.encode())
    for form in (text, text.strip()):
        (found,) = trials_of(str(path)).confirm(forged(form.encode()), "a") or ()
        assert found.id == "key_confusion"


def test_a_jwk_set_as_served_and_each_key_of_it_are_confirmed() -> None:
    jwks = [
        jwk_of(private_key("RS256"), kid="a", use="sig", alg="RS256", x="other"),
        jwk_of(private_key("ES256"), kid="b", key_ops=["verify"]),
    ]
    texts = [json.dumps(jwks[0], indent=3), json.dumps(jwks[1], separators=(" ,", " : "))]
    body = ' {"note": 1, "keys" : [' + " , ".join(texts) + "] }\n"
    trials = trials_of(body)
    forms = [body, body.strip(), *texts, *(form.decode() for jwk in jwks for _, form in json_forms(jwk))]
    forms += [form.decode() for _, form in json_forms({"note": 1, "keys": jwks})]
    for form in forms:
        assert ids(trials.confirm(forged(form.encode()), "a")) == ["key_confusion"], form


def test_the_operator_reads_which_form_of_which_key() -> None:
    trials = trials_of(jwks_of(jwk_of(private_key("RS256"), kid="a"), jwk_of(private_key("ES256"), kid="b")))
    form = pem_of(private_key("ES256")).replace("\n", "\r\n").encode()
    (found,) = trials.confirm(forged(form, kid="a"), "s") or ()
    assert found == ("key_confusion", "the signature is the HMAC-SHA256 with SPKI PEM with CRLF of kid 'b'")


@pytest.mark.parametrize(
    "alg", ["HS256", "hs256", "HS256 ", "HS512", "none", "", None, 256, ["HS256"], {"a": 1}, "RS2566", "\x00HS256"]
)
def test_whatever_alg_says_the_length_tells_the_hash(alg: Any) -> None:
    pem = pem_of(private_key("RS256")).encode()
    for digest in HASHES.values():
        assert ids(trials_of(pem.decode()).confirm(forged(pem, alg, digest), "a")) == ["key_confusion"]


def test_a_kid_of_any_kind_does_no_harm() -> None:
    pem = pem_of(private_key("RS256")).encode()
    trials = trials_of(jwk_of(private_key("RS256"), kid="a"))
    for kid in ("a", "b", "", 0, None, [], {}, ["a"], "x" * 10_000, "\ud800"):
        assert ids(trials.confirm(forged(pem, kid=kid), "a")) == ["key_confusion"]


@pytest.mark.parametrize(
    "secret", [b"", b"\0", b"\0" * 32, b"\0" * 64, b"\0" * 256, b"null", b"None", b"undefined", b"{}", b"\n", b" "]
)
@pytest.mark.parametrize("alg", HASHES)
def test_a_blank_key_is_confirmed(secret: bytes, alg: str) -> None:
    for items in ((), (pem_of(private_key("RS256")),), (secret_jwk(64),)):
        assert ids(trials_of(*items).confirm(forged(secret, alg), "a")) == ["blank_hmac"]


@pytest.mark.parametrize("alg", HASHES)
def test_known_secrets_are_confirmed(alg: str) -> None:
    trials = trials_of()
    assert len(KNOWN_SECRETS) >= 100
    for secret in KNOWN_SECRETS:
        assert ids(trials.confirm(forged(secret, alg), "a")) == ["weak_hmac"], secret
    for secret in (b"secret", b"password", b"changeme", b"your-256-bit-secret", b"123456", b"keyboard cat"):
        assert secret in KNOWN_SECRETS


def test_secrets_of_the_file_are_confirmed_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "secrets.txt"
    path.write_bytes(b"secret\nleaked one\r\n\nleaked-two\nleaked-two\n\xff\xfe\n")
    listed = read_secrets(str(path))
    assert listed == (b"secret", b"leaked one", b"leaked-two", b"\xff\xfe")
    trials = trials_of(listed=listed)
    for secret in listed[1:]:
        for alg in HASHES:
            (found,) = trials.confirm(forged(secret, alg), "a") or ()
            assert found.id == "weak_hmac"
            assert "leaked" not in found.detail
            assert "MFA_JWT_SECRETS_FILE" in found.detail


def test_of_a_thousand_secrets_each_is_tried_in_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "secrets.txt"
    path.write_text("\n".join(f"leaked-{number}" for number in range(1_000)))
    trials = trials_of(pem_of(private_key("RS256")), listed=read_secrets(str(path)))
    for alg in HASHES:
        for number in (0, 500, 999):
            tries = [trials.confirm(forged(b"leaked-%d" % number, alg), "a") for _ in range(20)]
            assert any(ids(found) == ["weak_hmac"] for found in tries)


@pytest.mark.parametrize(
    ("content", "reason"),
    [("\n".join(map(str, range(1_001))), "1001 secrets; keep the 1000"), ("x" * (2**20 + 1), "larger than")],
)
def test_a_longer_file_stops_the_start(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "secrets.txt"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"MFA_JWT_SECRETS_FILE: .*" + reason):
        read_secrets(str(path))
    with pytest.raises(ConfigurationError, match=r"none\.txt cannot be read \(FileNotFoundError\)"):
        read_secrets(str(tmp_path / "none.txt"))


def test_an_app_whose_own_secret_is_known_does_not_start() -> None:
    known = b"a-string-secret-at-least-256-bits-long"
    with pytest.raises(ConfigurationError, match="a secret that attackers know") as caught:
        trials_of({"kty": "oct", "k": b64url(known)})
    assert known.decode() not in str(caught.value)
    own = secret_jwk()
    with pytest.raises(ConfigurationError, match="a secret that attackers know"):
        trials_of(own, listed=(base64.urlsafe_b64decode(own["k"] + "=="),))


def test_no_form_of_an_own_secret_is_tried() -> None:
    """A token by the app's own secret that is out of date is no forgery."""
    own = secret_jwk(64)
    secret = base64.urlsafe_b64decode(own["k"] + "==")
    for alg in HASHES:
        assert trials_of(own).confirm(forged(secret, alg), "a") == ()


@pytest.mark.parametrize("length", [0, 1, 31, 33, 47, 49, 63, 65, 128, 256])
def test_a_signature_of_no_hash_is_not_tried(length: int) -> None:
    suspect = forged(b"secret")
    assert trials_of().confirm(Suspect(suspect.signing_input, bytes(length), suspect.header), "a") == ()


def test_another_hmac_is_not_confirmed() -> None:
    trials = trials_of(pem_of(private_key("RS256")), jwk_of(private_key("ES256"), kid="a"))
    for alg in HASHES:
        for secret in (b"an unguessable secret of 32 bytes", hashlib.sha256(b"x").digest(), b"secreT"):
            assert trials.confirm(forged(secret, alg), "a") == ()


def rotated(tmp_path: Path) -> tuple[KeyRing, Path, Any]:
    from mfa_middleware.testing import FrozenClock

    clock, path = FrozenClock(NOW), tmp_path / "key.pem"
    path.write_text(pem_of(private_key("RS256", 0)))
    return ring_of(str(path), clock=clock), path, clock


def test_new_keys_are_tried_once_they_are_there(tmp_path: Path) -> None:
    ring, path, clock = rotated(tmp_path)
    trials = Trials(ring, allowance=Allowance(FREE, FREE))
    old, new = (pem_of(private_key("RS256", number)) for number in (0, 1))
    assert ids(trials.confirm(forged(old.encode()), "a")) == ["key_confusion"]
    assert trials.confirm(forged(new.encode()), "a") == ()
    path.write_text(new)
    clock.advance(5)
    ring.poll()
    assert trials.confirm(forged(old.encode()), "a") == ()
    assert ids(trials.confirm(forged(new.encode()), "a")) == ["key_confusion"]


def test_with_many_keys_the_named_and_the_common_forms_are_confirmed() -> None:
    keys = [private_key("RS256", number % 4) for number in range(4)]
    jwks = jwks_of(*(jwk_of(key, kid=f"k{number}") for number, key in enumerate(keys)))
    trials = trials_of(jwks)
    for number, key in enumerate(keys):
        for name, form in pem_forms(pem_of(key).encode()):
            assert ids(trials.confirm(forged(form, kid=f"k{number}"), "a")) == ["key_confusion"], name
            assert ids(trials.confirm(forged(form), "a")) == ["key_confusion"], name
