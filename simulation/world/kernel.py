"""Virtual time: everything that will happen, in order, and the dice that decide it. No thread, no wall clock."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import SupportsLenAndGetItem

What = Callable[[], None]


class Kernel:
    """Runs what is due, in order of time; what is due at one moment runs in the order in which it was asked for."""

    def __init__(self) -> None:
        """Time is 0, and nothing is due."""
        self.now_us = 0
        self.steps = 0
        self._heap: list[tuple[int, int, What]] = []
        self._count = 0

    def after(self, delay_us: int, what: What) -> None:
        """Have this happen so much later."""
        count = self._count = self._count + 1
        heappush(self._heap, (self.now_us + delay_us, count, what))

    def run_until(self, end_us: int) -> None:
        """Let everything happen that is due up to and at the end; then it is that moment."""
        heap = self._heap
        while heap and heap[0][0] <= end_us:
            self.now_us, _, what = heappop(heap)
            self.steps += 1
            what()
        self.now_us = max(self.now_us, end_us)


_T = TypeVar("_T")


class Dice(Random):
    """``Random`` with shorter ways to a whole number and to one of several; the same seed throws the same (a test)."""

    def __init__(self, seed: int) -> None:
        """Seeded as ``Random`` seeds itself with a whole number, without asking what else a seed could be."""
        super(Random, self).seed(seed)
        self.gauss_next = None

    def choice(self, seq: SupportsLenAndGetItem[_T]) -> _T:
        """Throw one of these."""
        return seq[self.randint(0, len(seq) - 1)]

    def randint(self, a: int, b: int) -> int:
        """Throw a whole number from ``a`` to ``b``, both included."""
        width = b - a + 1
        if width <= 0:
            raise ValueError(f"nothing lies from {a} to {b}")
        bits = width.bit_length()
        thrown = self.getrandbits(bits)
        while thrown >= width:
            thrown = self.getrandbits(bits)
        return a + thrown


def dice(seed: int, *about: object) -> Random:
    """A source of chance for one matter: the same seed and matter always throw the same, whatever else is thrown."""
    name = "/".join((str(seed), *map(str, about)))
    return Dice(int.from_bytes(blake2b(name.encode(), digest_size=8).digest()))
