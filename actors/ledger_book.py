"""The fills of one contract at one venue, in order, and what they come to; late news is worked in where it belongs."""

from __future__ import annotations

from bisect import bisect_left

import msgspec

from actors.ledger_holding import NOTHING, Holding, moved
from protocol.units import Money, Price


class Fill(msgspec.Struct, frozen=True, gc=False):
    """What one leg did: contracts and money as :func:`~actors.ledger_holding.moved` takes them, and its fees."""

    contracts: int
    paid: int
    fees: int


class PositionBook:
    """Fills by the place of their leg in the ledger.

    The state depends on the fills and their places alone, not on the order in which they became known: a fill that is
    proven late is counted where its leg stands, and what came after it is counted anew.
    """

    __slots__ = ("_after", "_fills", "_gained", "_places", "_realised", "_received", "_spent", "fees", "payout")

    def __init__(self) -> None:
        self._places: list[int] = []
        self._fills: list[Fill] = []
        self._after: list[Holding] = []
        self._realised: list[Money] = []
        self._spent = self._received = self._gained = 0
        self.fees = Money(0)
        self.payout: Price | None = None
        """What the venue has paid for each contract that was held to the end; None: nothing is settled."""

    def __bool__(self) -> bool:
        """There is a fill in it."""
        return bool(self._fills)

    @property
    def traded(self) -> Holding:
        """What trading has left: held now, or held to the end."""
        return self._after[-1] if self._after else NOTHING

    @property
    def holding(self) -> Holding:
        """What is held now: nothing of a market that was paid out."""
        return self.traded if self.payout is None else NOTHING

    @property
    def paid_out(self) -> Money:
        """What the settlement has brought; below zero for a short, 0 where nothing is settled."""
        return Money(0 if self.payout is None else self.traded.contracts * self.payout)

    @property
    def settled_gain(self) -> Money:
        """What the settlement has realised: what it brought less what the contracts had cost."""
        return Money(0 if self.payout is None else self.paid_out - self.traded.cost)

    @property
    def spent(self) -> Money:
        """Paid by all buys, and for shorts at the end; fees aside."""
        return Money(self._spent - min(0, self.paid_out))

    @property
    def received(self) -> Money:
        """Brought by all sells and by the end; fees aside."""
        return Money(self._received + max(0, self.paid_out))

    @property
    def realised(self) -> Money:
        """Of all sells and of the end, what they brought less what the contracts had cost; fees aside."""
        return Money(self._gained + self.settled_gain)

    def put(self, place: int, fill: Fill | None) -> None:
        """Let the leg at this place have done this, or nothing (None), whatever it was said to have done before."""
        if fill is not None and (not self._places or place > self._places[-1]):
            self._append(place, fill)
            return
        index = bisect_left(self._places, place)
        known = index < len(self._places) and self._places[index] == place
        if known:
            self._count(self._fills[index], -1)
        if fill is None:
            if not known:
                return
            del self._places[index], self._fills[index], self._after[index]
            self._gained -= self._realised.pop(index)
        else:
            self._count(fill, 1)
            if known:
                self._fills[index] = fill
            else:
                self._places.insert(index, place)
                self._fills.insert(index, fill)
                self._after.insert(index, NOTHING)
                self._realised.insert(index, Money(0))
        self._again_from(index)

    def _append(self, place: int, fill: Fill) -> None:
        """What :meth:`put` does with the youngest leg, as nearly all are when they are told of."""
        self._count(fill, 1)
        held, gain = moved(self._after[-1] if self._after else NOTHING, fill.contracts, fill.paid)
        self._places.append(place)
        self._fills.append(fill)
        self._after.append(held)
        self._realised.append(gain)
        self._gained += gain

    def realised_by(self, place: int) -> Money:
        """What the leg at this place realised, fees aside."""
        index = bisect_left(self._places, place)
        known = index < len(self._places) and self._places[index] == place
        return self._realised[index] if known else Money(0)

    def _again_from(self, index: int) -> None:
        held = self._after[index - 1] if index else NOTHING
        for number in range(index, len(self._fills)):
            fill = self._fills[number]
            held, gain = moved(held, fill.contracts, fill.paid)
            self._gained += gain - self._realised[number]
            self._after[number], self._realised[number] = held, gain

    def _count(self, fill: Fill, sign: int) -> None:
        paid = sign * fill.paid
        self.fees = Money(self.fees + sign * fill.fees)
        if fill.paid >= 0:
            self._spent += paid
        else:
            self._received -= paid
