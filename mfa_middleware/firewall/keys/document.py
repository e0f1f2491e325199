"""A text that holds keys, whichever form it has: PEM, certificate, JWK or JWK Set (RFC 7517 5)."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any, Final

from mfa_middleware.firewall.keys.jwk import is_for_signatures, key_of
from mfa_middleware.firewall.keys.key import BadKey, Key, NotAccepted
from mfa_middleware.firewall.keys.pem import is_pem, pem_keys
from mfa_middleware.firewall.keys.spans import key_texts
from mfa_middleware.jose.strict import TOKEN, Malformed, parse_object

__all__ = ["Document", "read_document"]

MAX_KEYS: Final = 256


@dataclass(frozen=True, slots=True)
class Document:
    """The keys of one text, what is wrong with the others, and the text itself if it is a JWK Set."""

    keys: tuple[Key, ...]
    faults: tuple[str, ...] = ()
    body: bytes | None = field(default=None, repr=False)


def read_document(text: str, accepted: Set[str], *, origin: str) -> Document:
    """The keys in a text. One bad key of a JWK Set is a fault beside the good ones (RFC 7517 5).

    Raises BadKey where the text as a whole holds no keys.
    """
    plain = text.removeprefix("\ufeff").strip()
    if plain.startswith("{"):
        return _json(plain, text, accepted, origin)
    if is_pem(plain):
        return Document(tuple(pem_keys(_unescaped(plain, text), accepted, origin=origin)))
    raise BadKey("it is neither PEM nor a JWK nor a JWK Set")


def _unescaped(plain: str, text: str) -> str:
    """PEM out of an environment file, where each line end was written as a backslash and an n."""
    return plain.replace("\\n", "\n") if "\n" not in plain else text


def _json(plain: str, text: str, accepted: Set[str], origin: str) -> Document:
    try:
        document = parse_object(plain.encode("utf-8"), TOKEN)
    except ValueError as error:  # Malformed, and text that UTF-8 has no form for
        raise BadKey(f"it is no strict JSON ({error if isinstance(error, Malformed) else 'not UTF-8'})") from None
    if "keys" not in document:
        return Document((key_of(document, accepted, origin=origin, served=_served(text, plain)),))
    jwks = document["keys"]
    if not isinstance(jwks, list) or not all(isinstance(jwk, dict) for jwk in jwks):
        raise BadKey("its keys must be a list of JWKs")
    if len(jwks) > MAX_KEYS:
        raise BadKey(f"it has {len(jwks)} keys, more than {MAX_KEYS}")
    return _set(jwks, key_texts(plain), text.encode("utf-8"), accepted, origin)


def _set(jwks: list[dict[str, Any]], texts: list[str], body: bytes, accepted: Set[str], origin: str) -> Document:
    keys, faults = [], []
    for number, (jwk, text) in enumerate(zip(jwks, texts, strict=True), 1):
        if not is_for_signatures(jwk):
            continue
        try:
            keys.append(key_of(jwk, accepted, origin=origin, served=_served(text)))
        except NotAccepted:
            continue
        except BadKey as error:
            faults.append(f"key {number} of the set: {error}")
    return Document(tuple(keys), tuple(faults), body)


def _served(*texts: str) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(text.encode("utf-8") for text in texts))
