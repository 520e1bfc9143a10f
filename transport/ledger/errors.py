"""What can be wrong with a ledger, each with words for the operator."""

from __future__ import annotations


class LedgerError(Exception):
    """The ledger cannot be opened, read or written; the text names it, without any password, and the fix."""


class LedgerConflict(LedgerError):
    """A fact contradicts a recorded one that has the same key; nothing of its batch was written."""


class LedgerMissing(LedgerError):
    """There is no such ledger, or not the one that this home has kept so far: nothing may be traded on it."""
