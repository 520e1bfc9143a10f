"""The cash that a venue says is there, and what was spent since it was asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from actors.risk.terms import Account
from protocol.units import Money

MAX_SPENT: Final = 10_000
"""Purchases kept apart between two statements; beyond that the oldest are added up."""


class Statement(msgspec.Struct):
    """What an account had (None: it has never said), and what was spent since it was asked, with times, and in all."""

    amount: Money | None
    spent: deque[tuple[int, Money]]
    in_all: int = 0


class Cash:
    """Cash by account. An account that never said what it has is not limited by it.

    Of a purchase that was proven after the venue was asked nobody knows whether the answer has it: it is taken off
    until the next statement, so cash is never counted that is not there.

    Times never go back here, whatever the clock does: of a purchase and a question the order is what matters.
    """

    def __init__(self) -> None:
        """Nothing said yet."""
        self._said: dict[Account, Statement] = {}
        self._latest = 0

    def asking(self, now_us: int) -> int:
        """Accounts are asked now: a time after every purchase that is proven, for :meth:`stated`."""
        self._latest = max(self._latest + 1, now_us)
        return self._latest

    def stated(self, account: Account, amount: Money, asked_us: int) -> None:
        """The account had this much at some moment after it was asked."""
        before = self._said.get(account)
        since = [each for each in before.spent if each[0] >= asked_us] if before is not None else []
        self._said[account] = Statement(amount, deque(since), sum(spent for _, spent in since))

    def spent(self, account: Account, amount: Money, now_us: int) -> None:
        """A purchase is proven, with its fees. What a sale brings counts with the next statement."""
        if amount <= 0:
            return
        # Also before its first statement: it may have been asked already, and answer with what was there before this.
        said = self._said.setdefault(account, Statement(None, deque()))
        self._latest = max(self._latest, now_us)
        said.spent.append((self._latest, amount))
        said.in_all += amount
        if len(said.spent) > MAX_SPENT:
            (_, one), (at, two) = said.spent.popleft(), said.spent.popleft()
            said.spent.appendleft((at, Money(one + two)))

    def left(self, account: Account) -> Money | None:
        """What is there for certain, before what is in flight; None where nobody said."""
        said = self._said.get(account)
        return None if said is None or said.amount is None else Money(said.amount - said.in_all)

    def every(self) -> Iterator[tuple[Account, Money, Money]]:
        """Each account that said what it has, with that, and what is left of it."""
        for account, said in sorted(self._said.items()):
            if said.amount is not None:
                yield account, said.amount, self.left(account) or Money(0)
