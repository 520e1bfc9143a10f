"""Numbers of another process as words for a person: exact, with their unit, and nothing where there is none."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from cli.output import printable

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_MAX_UNIX_S: Final = 10**11


def text(value: object) -> str:
    """Return a value on one line, nothing for None."""
    return "" if value is None else printable(value)


def number(value: object) -> Decimal:
    """Return a number of the document exactly, 0 where it is none."""
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return exact if exact.is_finite() else Decimal(0)


def count(value: object) -> str:
    """Return ``12,345`` or ``10.5``; nothing for None."""
    return "" if value is None else f"{number(value).normalize():,f}"


def usd(value: object) -> str:
    """Return ``$57.60`` or ``-$0.0175``: at least cents, never rounded; nothing for None."""
    if value is None:
        return ""
    exact = number(value)
    shown = f"{abs(exact):,f}"
    whole, _, places = shown.partition(".")
    return f"{'-' if exact < 0 else ''}${whole}.{places.rstrip('0').ljust(2, '0')}"


def cents(value: object) -> str:
    """Return ``52.5c``; nothing for None."""
    return "" if value is None else f"{count(value)}c"


def milliseconds(value: object) -> str:
    """Return ``120 ms`` up to a second, then :func:`duration`."""
    exact = number(value)
    return f"{int(exact)} ms" if exact < 1_000 else duration(exact / 1_000)  # noqa: PLR2004 -- a second


def moment(microseconds: object) -> str:
    """Return the local date and minute of a unix time."""
    seconds = int(number(microseconds)) // 1_000_000
    if not 0 < seconds < _MAX_UNIX_S:
        return "--:--"
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}"


def duration(value: object) -> str:
    """Return seconds as ``12 s``, ``5 m 03 s``, ``1 h 02 m`` or ``3 d 04 h``; nothing for None."""
    if value is None:
        return ""
    seconds = int(number(value))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} m {seconds % _MINUTE:02d} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE:02d} m"
    return f"{seconds // _DAY} d {seconds % _DAY // _HOUR:02d} h"
