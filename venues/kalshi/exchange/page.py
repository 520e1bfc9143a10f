"""Cursor pagination: a cursor names the last key of a page, so that what is added meanwhile moves nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from venues.kalshi.exchange.refusal import invalid

_Item = TypeVar("_Item")


def cursor_after(key: str) -> str:
    """The cursor of the page after ``key``."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def key_of(cursor: str) -> str:
    """The key in a cursor. Raises :class:`Refusal`."""
    try:
        return base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, ValueError):
        raise invalid(f"cursor: {cursor[:40]!r} is none of ours") from None


def page(items: Sequence[_Item], limit: int, cursor: str, key: Callable[[_Item], str]) -> tuple[list[_Item], str]:
    """The page after ``cursor`` (empty: the first) of items in their order, and the next cursor (empty: the end).

    A key that is no longer there ends the reading with 400, as nobody could say what follows it.
    """
    start = 0
    if cursor:
        wanted = key_of(cursor)
        places = [place for place, item in enumerate(items) if key(item) == wanted]
        if not places:
            raise invalid("cursor: it is none of this reading's")
        start = places[0] + 1
    chosen = list(items[start : start + limit])
    more = start + limit < len(items)
    return chosen, cursor_after(key(chosen[-1])) if more and chosen else ""


def limit_of(query: Mapping[str, str], default: int, most: int, least: int = 1) -> int:
    """The ``limit`` of a query. Raises :class:`Refusal`."""
    number = number_of(query, "limit")
    if number is None:
        return default
    if not least <= number <= most:
        raise invalid(f"limit: {least} to {most}, not {number}")
    return number or default


def number_of(query: Mapping[str, str], name: str) -> int | None:
    """A whole number of a query, None where it is not given. Raises :class:`Refusal`."""
    text = query.get(name, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise invalid(f"{name}: a whole number, not {text[:40]!r}") from None


def paged(name: str, items: Sequence[_Item], cursor: str) -> dict[str, Any]:
    """A page as Kalshi writes it."""
    return {name: items, "cursor": cursor}
