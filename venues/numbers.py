"""Venues' decimal texts as our integer units, each text parsed once.

A feed repeats itself: a market has at most some thousand prices and a few habitual sizes, so a dictionary from text
to unit answers nearly always, several times faster than any parser. What it does not know goes through the one
careful parser, and raises :class:`~protocol.units.UnitError` where the text is no amount of its unit.
"""

from __future__ import annotations

import re
from typing import Final

from protocol.units import DOLLAR, MAX_QUANTITY, Price, Quantity, UnitError, price_from_dollars, quantity_from_text

MAX_REMEMBERED: Final = 20_000
"""Texts that one memory holds; when it is full it starts again from nothing."""

_MAX_TEXT: Final = 40
# ASCII digits only: Decimal would also take "1_0", " 1", "1e3" and other alphabets' digits.
_NUMBER: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


def _checked(text: str, what: str) -> str:
    if len(text) > _MAX_TEXT or _NUMBER.fullmatch(text) is None:
        raise UnitError(f"{what} is not a decimal number: {text[:_MAX_TEXT]!r}")
    return text


class _Memory(dict[str, int]):
    """Text to unit; a missing text is parsed and remembered."""

    def __missing__(self, text: str) -> int:
        value = self.parse(text)
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[text] = value
        return value

    def parse(self, text: str) -> int:
        """The text's value in units; raises :class:`UnitError`."""
        raise NotImplementedError


class _OrderPrices(_Memory):
    def parse(self, text: str) -> int:
        price = price_from_dollars(_checked(text, "price"))
        if not 0 < price < DOLLAR:
            raise UnitError(f"price must be above 0 and below 1 dollar, not {text!r}")
        return price


class _BestPrices(_Memory):
    def parse(self, text: str) -> int:
        price = price_from_dollars(_checked(text, "best price"))
        if not 0 <= price <= DOLLAR:
            raise UnitError(f"best price must be from 0 to 1 dollar, not {text!r}")
        return price


class _Changes(_Memory):
    def parse(self, text: str) -> int:
        quantity = quantity_from_text(_checked(text, "quantity"))
        if abs(quantity) > MAX_QUANTITY:
            raise UnitError(f"quantity is out of any sensible range: {text!r}")
        return quantity


class _Sizes(_Memory):
    def parse(self, text: str) -> int:
        whole, _, part = _checked(text, "size").partition(".")
        if text.startswith("-"):
            raise UnitError(f"size must not be negative: {text!r}")
        # Cut, not rounded, and on the text: never more than there is.
        size = int(whole or "0") * 100 + int((part + "00")[:2])
        if size > MAX_QUANTITY:
            raise UnitError(f"size is out of any sensible range: {text!r}")
        return size


class Numbers:
    """The memories of one decoder."""

    def __init__(self) -> None:
        self._prices = _OrderPrices()
        self._best = _BestPrices()
        self._changes = _Changes()
        self._sizes = _Sizes()

    def price(self, text: str) -> Price:
        """A level's price in dollars: above 0, below 1, on the 1/10,000 grid."""
        return Price(self._prices[text])

    def best(self, text: str) -> Price:
        """A stated best price in dollars, 0 and 1 included: venues write an empty side that way."""
        return Price(self._best[text])

    def change(self, text: str) -> Quantity:
        """A signed change in contracts, 2 decimals at most."""
        return Quantity(self._changes[text])

    def size(self, text: str) -> Quantity:
        """A level's size in contracts, not negative; decimals past the second are cut off, against ourselves."""
        return Quantity(self._sizes[text])
