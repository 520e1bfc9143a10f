"""What happened, line by line: the evidence of a run. The same seed gives the same bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple


class Line(NamedTuple):
    """One thing that happened: when (microseconds of the run), to whom, what kind, and in words."""

    at_us: int
    who: str
    kind: str
    text: str

    def __str__(self) -> str:
        """Return the line as it is printed."""
        return f"{self.at_us / 1e6:12.6f}  {self.who:<14} {self.kind:<18} {self.text}"


@dataclass
class Trace:
    """The lines of one run; with ``keep`` False only their number and digest are kept."""

    keep: bool = True
    lines: list[Line] = field(default_factory=list)
    count: int = 0
    on: bool = True

    def __post_init__(self) -> None:
        """Begin the digest."""
        self._hash = blake2b(digest_size=16)

    def add(self, at_us: int, who: str, kind: str, text: str) -> None:
        """Take a line."""
        if not self.on:
            return
        line = Line(at_us, who, kind, text)
        self.count += 1
        self._hash.update(f"{at_us}\t{who}\t{kind}\t{text}\n".encode())
        if self.keep:
            self.lines.append(line)

    def digest(self) -> str:
        """The fingerprint of everything so far."""
        return self._hash.hexdigest()
