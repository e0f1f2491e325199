"""Who made an entry, in two bytes: enough to tell a retry from a theft, too little to tell an address."""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["UNKNOWN", "Peers"]

UNKNOWN: Final = 0
"""Stands for a peer whose address is not known."""

_MOST: Final = 4096
_LAST: Final = 0xFFFF


class Peers(dict[bytes, int]):
    """From the packed address of a peer to what stands for it in a table: a hash with a key of that table.

    Nobody can aim at the two bytes of another peer; by chance, one in 65,535 has the same ones.
    """

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._key = key

    def __missing__(self, peer: bytes) -> int:
        if len(self) >= _MOST:
            self.clear()
        self[peer] = stands = self._hash_of(peer) if peer else UNKNOWN
        return stands

    def _hash_of(self, peer: bytes) -> int:
        digest = hashlib.blake2b(peer, key=self._key, digest_size=8, person=b"peer").digest()
        return 1 + int.from_bytes(digest, "little") % _LAST
