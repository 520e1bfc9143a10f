"""Ids that are unique for ever, without a disk write per leg.

``<boot><controller>-<n>`` where ``boot`` is the number of this start of this controller, kept durably (one fsynced
write per process start), ``controller`` its own random id, and ``n`` counts within the process. The time of the start
stands in front, so ids sort by time. A leg adds its index: ``...-1``. Well below Kalshi's 64 characters.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from protocol.terms import LegId, TradeId

_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuv"


def base32(number: int, width: int) -> str:
    """The number in 32 digits whose order is that of the characters, zero-filled to the width."""
    digits: list[str] = []
    while number or len(digits) < width:
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


class BootIds:
    """Implements ``IdSource`` for one process start.

    Unique as long as the same (controller, boot) never runs twice, which the caller's durable boot counter ensures.
    """

    def __init__(self, controller_id: str, boot: int, started_ms: int) -> None:
        """Ids of this start."""
        self.prefix = f"{base32(started_ms, 9)}{base32(boot, 4)}{controller_id[:16]}"
        self.count = 0

    def trade_id(self) -> TradeId:
        """A new trade id."""
        self.count += 1
        return TradeId(f"{self.prefix}-{base32(self.count, 6)}")

    def leg_id(self, trade_id: TradeId, index: int) -> LegId:
        """The id of the trade's leg."""
        return LegId(f"{trade_id}-{index + 1}")

    def of_this_start(self, leg_id: LegId) -> bool:
        """Whether only this start of this controller can have given such an id."""
        return leg_id.startswith(self.prefix)


def next_boot(file: Path) -> int:
    """Count this start of the controller in ``file``, durably, and return its number (from 1).

    Raises :class:`OSError` where it cannot be kept, and :class:`ValueError` for a file that holds no number: ids that
    might have been given before must not be given again.
    """
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        text = "0"
    if not text.isdigit():
        raise ValueError(f"{file} does not hold a number of starts: remove it only together with controller_id")
    boot = int(text) + 1
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with temporary.open("w", encoding="ascii") as out:
        out.write(f"{boot}\n")
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return boot
