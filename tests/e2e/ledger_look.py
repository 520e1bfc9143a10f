"""What a staged world wrote down, and a wait until it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final

from actors.ledger_state import LedgerState, fold
from cli.ledger_listing import LISTINGS, Wanted
from transport.ledger.store import LedgerStore

BOUND_S: Final = 30.0


class LedgerLook:
    """A world with a ledger in its ``folder``."""

    folder: Path
    unsettled: ClassVar[frozenset[str]] = frozenset({"open", "unknown"})

    @property
    def ledger(self) -> LedgerState:
        """What is written down by now."""
        with LedgerStore(f"sqlite:///{self.folder}/ledger.db", read_only=True) as store:
            return fold(store.read())

    def legs(self) -> list[dict[str, Any]]:
        """The rows of `arb ledger legs --json`."""
        return list(LISTINGS["legs"].rows(self.ledger, Wanted()))

    def trades(self) -> list[dict[str, Any]]:
        """The rows of `arb ledger trades --json`."""
        return list(LISTINGS["trades"].rows(self.ledger, Wanted()))

    def settled(self, count: int) -> bool:
        """Whether so many trades at least were made, and nothing about any of them is open."""
        legs, trades = self.legs(), self.trades()
        if len(trades) < count or not all(leg["final"] for leg in legs):
            return False
        return not any(trade["state"] in self.unsettled for trade in trades)

    async def until(self, is_so: Callable[[], object], what: str) -> None:
        """Wait, look by look, for at most :data:`BOUND_S`."""
        try:
            async with asyncio.timeout(BOUND_S):
                while not is_so():
                    await pause(0.01)
        except TimeoutError:
            raise AssertionError(f"{what} did not happen: {self.trades()} {self.legs()}") from None


async def pause(seconds: float) -> None:
    """Let the world go on for so long."""
    looked = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, looked.set)
    await looked.wait()
