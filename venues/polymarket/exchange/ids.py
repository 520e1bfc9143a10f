"""Ids and hashes in the form that Polymarket's have, always the same for the same parts."""

from __future__ import annotations

import hashlib


def uuid_text(*parts: object) -> str:
    """An id in the form of a UUID."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:]}"


def hash_text(*parts: object) -> str:
    """32 bytes as ``0x...``: a transaction, an order of the house."""
    return "0x" + hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=32).hexdigest()


def book_hash(*parts: object) -> str:
    """The hash that a book or a level carries: 20 bytes, without ``0x``."""
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=20).hexdigest()
