"""The books of a paper venue as it asks for them: kept outside, so that the venue outlives whoever trades on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from protocol.outcome import Outcome
from protocol.terms import LegId, Side
from protocol.units import Money, Quantity
from venues.paper.fill import PaperFill


class AccountError(Exception):
    """The books cannot be read or written now; the text names the fix. What was recorded before stays recorded."""


class Account(Protocol):
    """One account at one paper venue: its orders by leg id, and their fills. May be shared by several traders."""

    def record(self, outcome: Outcome, fills: Sequence[PaperFill]) -> bool:
        """Record an order with its fills, all or nothing; False where the leg id is recorded already.

        The check and the recording are one step, also between processes. Raises :class:`AccountError`.
        """

    def outcome(self, leg_id: LegId) -> Outcome | None:
        """What became of the order of this leg; None: the venue never had it. Raises :class:`AccountError`."""

    def earned(self) -> Money:
        """What all fills together have brought, fees off; below zero where more was bought. Raises AccountError."""

    def held(self) -> dict[tuple[str, Side], Quantity]:
        """Contracts by market and side, over every process of the account. Raises :class:`AccountError`."""

    def fills(self) -> list[PaperFill]:
        """Every fill of the account, in the order in which they were recorded. Raises :class:`AccountError`."""
