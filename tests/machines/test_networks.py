from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa_middleware.machines import parse_network, within


def test_a_host_bit_is_an_error_that_tells_the_network() -> None:
    with pytest.raises(ValueError, match=r'write "10\.1\.0\.0/16"'):
        parse_network("10.1.2.3/16")


@pytest.mark.parametrize("text", ["", "10.1.0.0/33", "ten", "10.1.0.0/16\n", "10.1"])
def test_what_is_no_network_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a network; write one such as"):
        parse_network(text)


@pytest.mark.parametrize(
    ("text", "right"), [("::ffff:10.1.0.0/112", r"10\.1\.0\.0/16"), ("::ffff:10.1.2.3", r"10\.1\.2\.3/32")]
)
def test_a_mapped_network_is_refused_with_the_ipv4_one(text: str, right: str) -> None:
    with pytest.raises(ValueError, match=f"write the IPv4 network itself: {right}"):
        parse_network(text)


@pytest.mark.parametrize(
    ("client", "inside"),
    [
        ("10.1.2.3", True),
        ("10.2.2.3", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:10.2.2.3", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
    ],
)
def test_an_address_is_held_against_every_network(client: str, inside: bool) -> None:
    networks = [parse_network(text) for text in ("10.1.0.0/16", "2001:db8::/32", "192.0.2.7")]
    assert within(ip_address(client), networks) is inside


unmapped = st.ip_addresses().map(lambda address: getattr(address, "ipv4_mapped", None) or address)


@given(unmapped, unmapped)
def test_an_address_lies_in_its_own_network_only(one: object, other: object) -> None:
    network = parse_network(str(one))
    assert within(ip_address(str(one)), [network])
    assert within(ip_address(str(other)), [network]) is (one == other)
