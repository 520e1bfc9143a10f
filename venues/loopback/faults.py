"""What can go wrong on demand: each fault by its name, so many times, on the occasions that it is meant for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Final, Generic, TypeVar

import msgspec

FOREVER: Final = -1
MOST_WAITING: Final = 1_000


class Fault(msgspec.Struct, kw_only=True):
    """One fault that waits for its occasion; what else chooses occasions is each venue's own.

    ``times``: how often, -1 for until it is cleared; ``skip``: occasions let through first. ``method`` and ``path``
    (what the path ends with or, with a ``*`` at its end, begins with) choose requests; empty is any.
    """

    name: str
    times: int = 1
    skip: int = 0
    ms: int = 0
    status: int = 500
    method: str = ""
    path: str = ""

    def meets(self, method: str, path: str) -> bool:
        """Whether it is meant for such a request."""
        if self.method not in {"", method}:
            return False
        if self.path.endswith("*"):
            return path.startswith(self.path[:-1])
        return not self.path or path.endswith(self.path)


FaultT = TypeVar("FaultT", bound=Fault)


class FaultError(ValueError):
    """A fault that does not exist; the text names those that do."""


class Faults(Generic[FaultT]):
    """The faults that wait, in the order in which they were asked for. A venue says which there are."""

    kind: type[FaultT]
    names: ClassVar[Mapping[str, str]]
    """Each fault of the venue, and what it does."""

    requests: ClassVar[Collection[str]]
    """Those that strike requests."""

    states: ClassVar[Collection[str]]
    """Not counted: they last until they are cleared."""

    def __init__(self) -> None:
        self.waiting: list[FaultT] = []
        self.struck: dict[str, int] = {}

    def add(self, fault: FaultT) -> None:
        """Wait for an occasion. Raises :class:`FaultError`."""
        self.check(fault.name)
        if fault.times < 1 and fault.times != FOREVER:
            raise FaultError(f"times: at least 1, or {FOREVER} for until it is cleared, not {fault.times}")
        if len(self.waiting) >= MOST_WAITING:
            raise FaultError(f"more than {MOST_WAITING} faults wait: clear some")
        if fault.name not in self.states:
            self.waiting.append(fault)

    def check(self, name: str) -> None:
        """Raise :class:`FaultError` where no fault is called so."""
        if name not in self.names:
            raise FaultError(f"no fault is called {name[:40]!r}: {', '.join(sorted(self.names))}")

    def clear(self, name: str = "") -> None:
        """Forget those of a name, or all."""
        self.waiting = [fault for fault in self.waiting if name and fault.name != name]

    def document(self) -> dict[str, Any]:
        """What waits, what has struck, and what there is."""
        return {"waiting": self.waiting, "struck": self.struck, "names": dict(self.names)}

    def request(self, method: str, path: str) -> dict[str, FaultT]:
        """The faults that strike this request, by name."""
        return self.strike(self.requests, lambda fault: fault.meets(method, path))

    def socket(self, name: str) -> FaultT | None:
        """The fault of that name, if it strikes a connection now."""
        return self.strike({name}, lambda _: True).get(name)

    def strike(self, names: Collection[str], meant: Callable[[FaultT], bool]) -> dict[str, FaultT]:
        """Of the faults of these names those that are meant, by name: their occasion has come."""
        if not self.waiting:
            return {}
        struck: dict[str, FaultT] = {}
        for fault in [one for one in self.waiting if one.name in names and meant(one)]:
            if fault.skip > 0:
                fault.skip -= 1
            elif fault.name not in struck:
                struck[fault.name] = fault
                self.struck[fault.name] = self.struck.get(fault.name, 0) + 1
                if fault.times != FOREVER:
                    fault.times -= 1
                if fault.times == 0:
                    self.waiting.remove(fault)
        return struck
