"""What can be wrong with the pairs store, with words for the operator."""

from __future__ import annotations


class PairStoreError(Exception):
    """The store cannot be opened, read or written, or what was asked of it cannot be done; says the fix."""
