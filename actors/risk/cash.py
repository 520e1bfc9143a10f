"""The cash that a venue says is there, and what was spent since it was asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from actors.risk.terms import Account
from protocol.terms import Platform
from protocol.units import Money

MAX_SPENT: Final = 10_000
"""Purchases of a shard kept apart between two statements; beyond that the oldest are added up."""


class Spending(msgspec.Struct):
    """What was spent since the venue was asked, with times, and in all."""

    single: deque[tuple[int, Money]]
    in_all: int = 0

    def add(self, at: int, amount: Money) -> None:
        """One more purchase."""
        self.single.append((at, amount))
        self.in_all += amount
        if len(self.single) > MAX_SPENT:
            (_, one), (later, two) = self.single.popleft(), self.single.popleft()
            self.single.appendleft((later, Money(one + two)))

    def since(self, asked_us: int) -> Spending:
        """What of it came after that question."""
        rest = [each for each in self.single if each[0] >= asked_us]
        return Spending(deque(rest), sum(amount for _, amount in rest))


class Statement(msgspec.Struct):
    """What a platform's accounts had, by shard (empty: it has never said), and what was spent since, by shard."""

    stated: dict[str, Money]
    spent: dict[str, Spending]


class Cash:
    """Cash by account. A platform that never said what it has is not limited by it.

    Of a purchase that was proven after the venue was asked nobody knows whether the answer has it: it is taken off
    until the next statement, so cash is never counted that is not there. One whose shard nobody knows is taken off
    every shard, as it was paid by one of them. A shard that the newest statement does not name has nothing.

    Times never go back here, whatever the clock does: of a purchase and a question the order is what matters.
    """

    def __init__(self) -> None:
        """Nothing said yet."""
        self._said: dict[Platform, Statement] = {}
        self._latest = 0

    def asking(self, now_us: int) -> int:
        """Accounts are asked now: a time after every purchase that is proven, for :meth:`stated`."""
        self._latest = max(self._latest + 1, now_us)
        return self._latest

    def stated(self, platform: Platform, accounts: Mapping[str, Money], asked_us: int) -> None:
        """These accounts, and no others, had so much at some moment after they were asked."""
        before = self._said.get(platform)
        since = {} if before is None else {shard: each.since(asked_us) for shard, each in before.spent.items()}
        self._said[platform] = Statement(dict(accounts), {shard: each for shard, each in since.items() if each.single})

    def spent(self, payers: Iterable[Account], amount: Money, now_us: int) -> None:
        """A purchase is proven, with its fees: one of these has paid. What a sale brings counts with the next word."""
        if amount <= 0:
            return
        self._latest = max(self._latest, now_us)
        for platform, shard in payers:
            # Also before its first statement: it may be asked already, and answer with what was there before this.
            said = self._said.setdefault(platform, Statement({}, {}))
            said.spent.setdefault(shard, Spending(deque())).add(self._latest, amount)

    def sources(self, account: Account) -> tuple[Account, ...] | None:
        """The stated accounts that must each have the money for a purchase there; none where nobody said.

        None: it would be paid by one of several shards, and nobody knows by which.
        """
        said = self._said.get(account.platform)
        if said is None or not said.stated:
            return ()
        whole = (Account(account.platform),) if "" in said.stated else ()
        shards = [shard for shard in said.stated if shard]
        if not shards:
            return whole
        if account.shard:
            return (account, *whole)
        return (Account(account.platform, shards[0]), *whole) if len(shards) == 1 else None

    def several(self, platform: Platform) -> bool:
        """Whether more than one shard was stated, so that a market's shard must be known."""
        return self.sources(Account(platform)) is None

    def there(self, account: Account) -> Money:
        """What a stated account has for certain, before what is in flight."""
        said = self._said[account.platform]
        amount = said.stated.get(account.shard, Money(0))
        if not account.shard:
            return Money(amount - sum(each.in_all for each in said.spent.values()))
        return Money(amount - sum(said.spent[shard].in_all for shard in ("", account.shard) if shard in said.spent))

    def left(self, account: Account) -> Money | None:
        """What a purchase there can take, before what is in flight: None where nobody said.

        Nothing where nobody knows which of several shards would pay.
        """
        said = self._said.get(account.platform)
        if said is None or not said.stated:
            return None
        sources = self.sources(account)
        if sources is None:
            return Money(0)
        return min([self.there(each) for each in sources], default=None)

    def every(self) -> Iterator[tuple[Account, Money, Money]]:
        """Each account that said what it has, with that, and what is left of it."""
        for platform, said in sorted(self._said.items()):
            for shard, amount in sorted(said.stated.items()):
                account = Account(platform, shard)
                yield account, amount, self.there(account)
