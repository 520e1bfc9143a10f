"""Our frames beside those of a working client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.shared_data import shared_data
from venues.kalshi.commands import subscribe_books, subscribe_lifecycle, unsubscribe, update
from venues.kalshi.subscription import MAX_REPEATS, SubscriptionFailed, Subscriptions

TICKER = "KXTEST-26NOV22-T1"


def captured() -> list[dict[str, Any]]:
    path = shared_data("vectors/kalshi_websocket_client_frames.json")
    frames: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["client_frames"]
    return frames


def test_our_frames_are_the_captured_ones_and_say_how_no_is_quoted() -> None:
    subscribe, end, *_ = captured()
    ours = json.loads(subscribe_books(1, [TICKER]))
    assert ours["params"].pop("use_yes_price") is False
    assert ours == subscribe
    assert json.loads(unsubscribe(2, [1])) == end


def test_the_other_commands_are_those_of_the_specification() -> None:
    assert json.loads(subscribe_lifecycle(7)) == {
        "id": 7,
        "cmd": "subscribe",
        "params": {"channels": ["market_lifecycle_v2"]},
    }
    assert json.loads(update(8, 3, "get_snapshot", [TICKER])) == {
        "id": 8,
        "cmd": "update_subscription",
        "params": {"sid": 3, "market_tickers": [TICKER], "action": "get_snapshot"},
    }


def ready(*markets: str) -> Subscriptions:
    """Subscribed to these on sid 2."""
    made = Subscriptions(markets)
    for sid, channel in ((1, "market_lifecycle_v2"), (2, "orderbook_delta")):
        frame = made.next()
        assert frame is not None
        said = {"id": json.loads(frame)["id"], "type": "subscribed", "msg": {"channel": channel, "sid": sid}}
        assert made.answered(json.dumps(said))
    assert made.done
    return made


def test_one_command_at_a_time() -> None:
    made = Subscriptions(["a"])
    assert made.next() is not None
    assert made.next() is None
    assert made.under_way


def test_only_what_is_subscribed_is_asked_for_again_and_once() -> None:
    made = ready("a", "b")
    made.ask_again(["a", "x", "a"])
    made.ask_again(["a"])
    frame = made.next()
    assert frame is not None
    assert json.loads(frame)["params"] == {"sid": 2, "market_tickers": ["a"], "action": "get_snapshot"}
    assert made.awaits_snapshot
    made.answered(json.dumps({"id": 3, "type": "orderbook_snapshot", "sid": 2, "seq": 3, "msg": {}}))
    assert made.done


def test_what_is_not_wanted_any_more_is_not_subscribed() -> None:
    made = ready("a")
    made.change(["a", "b"])
    made.change(["a"])
    assert made.next() is None
    assert made.wanted == ("a",)


@pytest.mark.parametrize("code", [27, 5])
def test_patience_with_a_venue_has_an_end(code: int) -> None:
    made = Subscriptions(["a"])

    def refuse() -> None:
        for _ in range(MAX_REPEATS + 1):
            frame = made.next()
            assert frame is not None
            made.answered(json.dumps({"id": json.loads(frame)["id"], "type": "error", "msg": {"code": code}}))

    with pytest.raises(SubscriptionFailed):
        refuse()


@pytest.mark.parametrize("frame", ["", "[]", '{"type":"ok"}', '{"type":"ok","id":99}', "\xff", '{"id":1}'])
def test_what_answers_nothing_changes_nothing(frame: str) -> None:
    made = Subscriptions(["a"])
    made.next()
    assert made.answered(frame)
    assert made.under_way
