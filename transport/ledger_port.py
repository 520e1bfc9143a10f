"""The ledger behind the interface that the ledger actor asks for: written off the loop, answered on it."""

from __future__ import annotations

from collections.abc import Callable

from actors.facts import AnyFact
from actors.ledger import LedgerBroken, LedgerRefused, LedgerWritten
from transport.ledger.store import LedgerStore
from transport.ledger.writer import LedgerWriter


class LedgerFile:
    """Implements ``LedgerPort``; to be made inside the loop. ``tell`` takes what is for the ledger actor."""

    def __init__(self, store: LedgerStore, tell: Callable[[object], None]) -> None:
        self._writer = LedgerWriter(store, self._done, self._failed)
        self._tell = tell
        self._closed = False

    def write(self, token: int, facts: tuple[AnyFact, ...]) -> None:
        """Append these facts; returns at once. After :meth:`close` nothing is written, and so nothing acked."""
        if not self._closed:
            self._writer.write(token, facts)

    def _done(self, token: int) -> None:
        self._tell(LedgerWritten(token))

    def _failed(self, token: int, reason: str) -> None:
        if self._writer.broken is not None:
            self._tell(LedgerBroken(reason))
        else:
            self._tell(LedgerRefused(token, reason))

    async def close(self) -> None:
        """Write what is left."""
        self._closed = True
        await self._writer.close()
