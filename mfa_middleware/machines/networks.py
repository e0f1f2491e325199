"""Networks that a machine is pinned to, and whether a client address lies in one of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final, TypeAlias

__all__ = ["Address", "Network", "parse_network", "within"]

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_MAPPED: Final = IPv6Network("::ffff:0:0/96")


@lru_cache(maxsize=4096)
def parse_network(text: str) -> Network:
    """The network of a CIDR text or of a single address. Raises ValueError that says what to write."""
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(_network_advice(text)) from error
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        raise ValueError(f"write the IPv4 network itself: {_unmapped(network)}")
    return network


def _network_advice(text: str) -> str:
    try:
        right = ip_network(text, strict=False)
    except ValueError:
        return f'{text[:60]!a} is not a network; write one such as "10.1.0.0/16" or "2001:db8::/32"'
    return f'{text[:60]!a} has bits set behind its prefix; write "{right}", or the address alone'


def _unmapped(network: IPv6Network) -> IPv4Network:
    return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))


def within(client: Address, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of the networks; an IPv4-mapped IPv6 address counts as the IPv4 address."""
    mapped = client.ipv4_mapped if isinstance(client, IPv6Address) else None
    address = client if mapped is None else mapped
    return any(address in network for network in networks)
