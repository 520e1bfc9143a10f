"""Fields of a venue's JSON, read strictly by name: each reader says which field was not what it must be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from pairing.listing import MAX_RULES, ListingError
from protocol.units import DOLLAR, Price

MAX_NAME: Final = 4_096
"""Characters of a title, a name or an id."""

_MAX_NUMBER: Final = 40
_MAX_EXPONENT: Final = 30

Fields = Mapping[str, Any]


def text(fields: Fields, key: str, limit: int = MAX_NAME) -> str:
    """The text of a field, empty where it is absent or null."""
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit:
        raise ListingError(f"{key}: must be a text of at most {limit} characters")
    return value.strip()


def needed(fields: Fields, key: str) -> str:
    """The text of a field that must be there."""
    found = text(fields, key)
    if not found:
        raise ListingError(f"{key}: missing")
    return found


def rules(fields: Fields, key: str) -> str:
    """A rules text: as :func:`text`, longer."""
    return text(fields, key, MAX_RULES)


def flag(fields: Fields, key: str) -> bool | None:
    """A yes or no, None where it is absent."""
    value = fields.get(key)
    if value is not None and not isinstance(value, bool):
        raise ListingError(f"{key}: must be true or false")
    return value


def number(fields: Fields, key: str) -> Decimal | None:
    """A number or a number in a text, exactly; None where it is absent or empty."""
    value = fields.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ListingError(f"{key}: must be a number")
    try:
        exact = Decimal(str(value)[:_MAX_NUMBER])
    except InvalidOperation:
        raise ListingError(f"{key}: must be a number, not {str(value)[:_MAX_NUMBER]!r}") from None
    if not exact.is_finite() or abs(exact.adjusted()) > _MAX_EXPONENT:
        raise ListingError(f"{key}: must be a number, not {str(value)[:_MAX_NUMBER]!r}")
    return exact


def whole(fields: Fields, key: str) -> int | None:
    """A whole number, None where it is absent."""
    value = number(fields, key)
    if value is not None and value % 1:
        raise ListingError(f"{key}: must be a whole number")
    return None if value is None else int(value)


def price(fields: Fields, key: str) -> Price | None:
    """A price in dollars for one look, to the nearest 1/10,000; None where it is absent or outside 0..1."""
    return as_price(number(fields, key))


def as_price(value: Decimal | None) -> Price | None:
    """The same of a number."""
    if value is None or not 0 <= value <= 1:
        return None
    return Price(round(value * DOLLAR))


def moment(fields: Fields, key: str) -> datetime | None:
    """An instant with its zone, in UTC; None where it is absent. One without a zone is refused: it could be any."""
    value = text(fields, key)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ListingError(f"{key}: must be a time such as 2026-01-10T01:00:00Z, not {value[:40]!r}") from None
    if found.tzinfo is None:
        raise ListingError(f"{key}: must name its zone, such as 2026-01-10T01:00:00Z, not {value[:40]!r}")
    return found.astimezone(UTC)


def texts(fields: Fields, key: str) -> tuple[str, ...]:
    """A list of texts, or JSON of one inside a text, as Polymarket sends it; empty where it is absent."""
    value = fields.get(key)
    if isinstance(value, str) and value:
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            raise ListingError(f"{key}: must be JSON in a text, not {value[:40]!r}") from None
    if not value:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) and len(item) <= MAX_NAME for item in value):
        raise ListingError(f"{key}: must be a list of texts")
    return tuple(item.strip() for item in value)


def tables(fields: Fields, key: str) -> list[Fields]:
    """A list of objects, empty where it is absent."""
    value = fields.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ListingError(f"{key}: must be a list of objects")
    return value
