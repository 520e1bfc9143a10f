"""What is hashed and what is shown of a change are the same fields: nothing latches a pair that a person cannot see."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from pairing.listing import Fees, LeftOut, Listing, Outcome, Strike, terms_digest
from pairing.terms import changes
from protocol.terms import KALSHI, POLYMARKET
from protocol.units import Price
from tests.pairing.kit import kalshi_game, one_kalshi

LISTING = one_kalshi(kalshi_game())
OTHER: dict[str, Any] = {
    "platform": POLYMARKET,
    "outcomes": (Outcome("Boston", "1"), Outcome("Toronto", "2")),
    "sources": ("AP",),
    "strike": Strike("greater", Decimal(3)),
    "fees": Fees(kind="quadratic", multiplier_ppm=500_000),
    "line": Decimal("2.5"),
    "left_out": LeftOut.CLOSED,
    "tags": ("x",),
}
MOMENT = datetime(2030, 1, 1, tzinfo=UTC)


def another(name: str) -> object:
    """Another value of this field."""
    if name in OTHER:
        return OTHER[name]
    value = getattr(LISTING, name)
    if name in {"open_time", "close_time", "expected_expiry", "latest_expiry", "game_start"}:
        return MOMENT
    if isinstance(value, bool) or name == "can_close_early":
        return not value
    return f"{value}x" if isinstance(value, str) else 7


@pytest.mark.parametrize("name", Listing.__struct_fields__)
def test_a_field_is_hashed_exactly_where_its_change_is_shown(name: str) -> None:
    changed = msgspec.structs.replace(LISTING, **{name: another(name)})

    assert (terms_digest(changed) != terms_digest(LISTING)) == bool(changes(LISTING, changed))


def test_prices_are_no_terms() -> None:
    yes, no = LISTING.outcomes
    changed = msgspec.structs.replace(LISTING, outcomes=(msgspec.structs.replace(yes, price=Price(1)), no))

    assert LISTING.platform == KALSHI
    assert changes(LISTING, changed) == ()


def test_a_change_is_said_in_words() -> None:
    changed = msgspec.structs.replace(LISTING, close_time=MOMENT, fees=OTHER["fees"], can_close_early=None)

    found = {change.field: (change.old, change.new) for change in changes(LISTING, changed)}

    assert found == {
        "close time": ("2026-01-24 00:00:00 UTC", "2030-01-01 00:00:00 UTC"),
        "fees": ("of a kind not said", "quadratic, multiplier 0.5"),
        "early close": ("yes", "nothing"),
    }
