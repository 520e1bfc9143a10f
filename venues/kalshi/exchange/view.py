"""What the reads of an account show: everything that happened, a settable time later, in the order it happened."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Literal

Kind = Literal["orders", "fills", "positions", "settlements", "balances"]
KINDS: Final[tuple[Kind, ...]] = ("orders", "fills", "positions", "settlements", "balances")

Document = Mapping[str, Any]


class View:
    """Documents by kind and key, each shown ``lag_us[kind]`` after it was published. The newest of a key replaces it.

    A key keeps the place that it got with its first document.
    """

    def __init__(self) -> None:
        self.lag_us: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self.as_of_us = 0
        self._due: dict[Kind, deque[tuple[int, str, Document | None]]] = {kind: deque() for kind in KINDS}
        self._shown: dict[Kind, dict[str, Document]] = {kind: {} for kind in KINDS}

    def publish(self, kind: Kind, key: str, document: Document | None, now_us: int) -> None:
        """Something changed; None: it is gone."""
        self._due[kind].append((now_us, key, document))

    def catch_up(self, now_us: int) -> None:
        """Show what is due by now."""
        for kind, due in self._due.items():
            horizon = now_us - self.lag_us[kind]
            while due and due[0][0] <= horizon:
                _, key, document = due.popleft()
                if document is None:
                    self._shown[kind].pop(key, None)
                else:
                    self._shown[kind][key] = document
        self.as_of_us = now_us - max(self.lag_us.values())

    def shift(self, by_us: int) -> None:
        """The clock was set: what waits to be shown waits as long as before."""
        for kind, due in self._due.items():
            self._due[kind] = deque((at + by_us, key, document) for at, key, document in due)

    def get(self, kind: Kind, key: str) -> Document | None:
        """One document, if it is shown."""
        return self._shown[kind].get(key)

    def shown(self, kind: Kind) -> dict[str, Document]:
        """All of a kind, oldest place first."""
        return self._shown[kind]
