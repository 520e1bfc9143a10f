"""The user channel: whose order a frame speaks of, and nothing more."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.polymarket.test_signing import CREDENTIALS
from venues.polymarket.user_feed import orders_in, subscription


def test_the_first_frame_says_who_we_are_for_all_markets() -> None:
    assert json.loads(subscription(CREDENTIALS)) == {
        "type": "user",
        "auth": {"apiKey": CREDENTIALS.key, "secret": CREDENTIALS.secret, "passphrase": CREDENTIALS.passphrase},
    }


@pytest.mark.parametrize(
    ("frame", "orders"),
    [
        ({"event_type": "trade", "id": "t-1", "taker_order_id": "0xAB", "status": "FAILED"}, ["0xab"]),
        ({"event_type": "order", "id": "0xAB", "type": "CANCELLATION"}, ["0xab"]),
        ([{"event_type": "order", "id": "0x1"}, {"event_type": "trade", "taker_order_id": "0x2"}], ["0x1", "0x2"]),
        ({"event_type": "tomorrow"}, []),
        ([], []),
        (7, []),
    ],
)
def test_a_frame_names_orders(frame: object, orders: list[str]) -> None:
    assert orders_in(json.dumps(frame)) == orders


@given(st.text(max_size=100))
def test_no_text_breaks_it(frame: str) -> None:
    assert isinstance(orders_in(frame), list)
    assert orders_in("PONG") == []
