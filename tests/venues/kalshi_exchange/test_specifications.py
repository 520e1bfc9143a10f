"""Every answer and every frame against Kalshi's own specifications, OpenAPI 3.34.0 and AsyncAPI 2.0.0."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tests.sdk.environment import SPECS, needed, run_script
from tests.venues.kalshi_exchange.kit import RAIN, Member, document, frames_of, headers, new_service, order_body
from venues.kalshi.exchange.changes import MarketChange, change_market
from venues.kalshi.exchange.faults import Fault
from venues.kalshi.exchange.rest import SOCKET_PATH
from venues.kalshi.exchange.service import KalshiService, Listener
from venues.loopback.message import Reply, Request

pytestmark = needed

ORDERS = "/portfolio/events/orders"
CHANNELS = ("orderbook_delta", "ticker", "trade", "fill", "user_orders", "market_positions", "market_lifecycle_v2")

READS = {
    "GetOrdersResponse": "/portfolio/orders",
    "GetFillsResponse": "/portfolio/fills",
    "GetPositionsResponse": "/portfolio/positions",
    "GetBalanceResponse": "/portfolio/balance",
    "GetSettlementsResponse": "/portfolio/settlements",
    "GetAccountApiLimitsResponse": "/account/limits",
    "GetAccountEndpointCostsResponse": "/account/endpoint_costs",
    "ExchangeStatus": "/exchange/status",
    "GetHistoricalCutoffResponse": "/historical/cutoff",
    "GetExchangeScheduleResponse": "/exchange/schedule",
    "GetUserDataTimestampResponse": "/exchange/user_data_timestamp",
    "GetMarketsResponse": "/markets",
    "GetMarketResponse": f"/markets/{RAIN}",
    "GetMarketOrderbookResponse": f"/markets/{RAIN}/orderbook",
    "GetTradesResponse": "/markets/trades",
    "GetEventResponse": "/events/KXDEMO-27DEC31",
    "GetSeriesListResponse": "/series",
    "GetSeriesResponse": "/series/KXDEMO",
    "GetSeriesFeeChangesResponse": "/series/fee_changes",
    "GetEventFeeChangesResponse": "/events/fee_changes",
}

PAYLOADS = {
    "orderbook_snapshot": "orderbookSnapshotPayload",
    "orderbook_delta": "orderbookDeltaPayload",
    "ticker": "tickerPayload",
    "trade": "tradePayload",
    "fill": "fillPayload",
    "user_order": "userOrderPayload",
    "market_position": "marketPositionPayload",
    "market_lifecycle_v2": "marketLifecycleV2Payload",
    "event_fee_update": "eventFeeUpdatePayload",
    "subscribed": "subscribedResponsePayload",
    "unsubscribed": "unsubscribedResponsePayload",
    "ok": "okResponsePayload",
    "error": "errorResponsePayload",
}

Found = list[tuple[str, Any]]


def connect(service: KalshiService, now_us: int) -> Listener:
    """A connection of ann's."""
    return service.connect(Request(method="GET", path=SOCKET_PATH, headers=headers("GET", SOCKET_PATH, now_us)), now_us)


def rest_documents(ann: Member) -> Found:
    """What the writes and the reads answer, errors among them."""
    found: Found = []

    def write(schema: str, reply: Reply) -> dict[str, Any]:
        found.append((f"openapi:{schema}", document(reply)))
        return document(reply)

    write("CreateOrderV2Response", ann.call("POST", ORDERS, order_body(client_order_id="a")))
    write("CreateOrderV2Response", ann.call("POST", ORDERS, order_body(price="0.4500")))
    rests = order_body(price="0.4100", time_in_force="good_till_canceled", expiration_time=ann.now_us // 1_000_000 + 60)
    resting = write("CreateOrderV2Response", ann.call("POST", ORDERS, rests))
    mine = f"{ORDERS}/{resting['order_id']}"
    write("DecreaseOrderV2Response", ann.call("POST", f"{mine}/decrease", {"reduce_by": "1.00", "exchange_index": 0}))
    found.append(("openapi:GetOrderResponse", ann.get(f"/portfolio/orders/{resting['order_id']}")))
    write("CancelOrderV2Response", ann.call("DELETE", mine, market_ticker=RAIN))
    batch = [order_body(price="0.4200", time_in_force="good_till_canceled"), order_body(client_order_id="a")]
    placed = write("BatchCreateOrdersV2Response", ann.call("POST", f"{ORDERS}/batched", {"orders": batch}))
    ids = [{"order_id": placed["orders"][0]["order_id"], "exchange_index": 0}, {"order_id": "none"}]
    write("BatchCancelOrdersV2Response", ann.call("DELETE", f"{ORDERS}/batched", {"orders": ids}))
    error = document(ann.call("POST", ORDERS, order_body(client_order_id="a")))["error"]
    # Seen in real life inside of `error`, and with the name of a service; the specification has neither.
    assert error.pop("service") == "exchange"
    found.append(("openapi:ErrorResponse", error))
    money = {"source": "event_contract", "destination": "event_contract", "amount": 1, "destination_exchange_shard": 3}
    path = "/portfolio/intra_exchange_instance_transfer"
    write("IntraExchangeInstanceTransferResponse", ann.call("POST", path, money))
    found += [(f"openapi:{schema}", ann.get(path)) for schema, path in READS.items()]
    found.append(("openapi:GetMarketOrderbooksResponse", ann.get("/markets/orderbooks", tickers=RAIN)))
    found.append(("openapi:GetEventsResponse", ann.get("/events", with_nested_markets="true")))
    return found


def frames(service: KalshiService, ann: Member) -> Found:
    """Everything that the sockets say in a busy moment."""
    listener = connect(service, ann.now_us)

    def say(command_id: int, command: str, **params: object) -> None:
        text = msgspec.json.encode({"id": command_id, "cmd": command, "params": params})
        service.command(listener, text, ann.now_us)

    say(1, "subscribe", channels=list(CHANNELS), market_tickers=[RAIN], send_initial_snapshot=True)
    ann.order(client_order_id="s1", count="4.00", price="0.4800")
    ann.order(client_order_id="s2", count="1.00", price="0.4300", time_in_force="good_till_canceled")
    say(2, "update_subscription", sid=1, action="add_markets", market_tickers=["KXDEMO-27DEC31-SNOW"])
    say(3, "update_subscription", sid=1, action="get_snapshot", market_tickers=[RAIN])
    say(4, "update_subscription", sid=1, action="nonsense")
    say(5, "list_subscriptions")
    service.break_down(Fault(name="market_paused", ticker=RAIN), ann.now_us)
    service.mend("market_paused", ann.now_us)
    end = MarketChange(ticker=RAIN, status="finalized", result="yes")
    change_market(service.exchange, service.exchange.markets[RAIN], end, ann.now_us)
    change = MarketChange(
        ticker="KXDEMOGAME-27DEC31-HOME",
        fee_multiplier="0.5",
        close_time="2027-06-01T00:00:00Z",
        price_level_structure="deci_cent",
        yes_sub_title="Home",
    )
    change_market(service.exchange, service.exchange.markets[change.ticker], change, ann.now_us)
    service.break_down(Fault(name="channel_error", channel="trade"), ann.now_us)
    say(6, "unsubscribe", sids=[1, 2, 99])
    return [(f"asyncapi:{payload_of(frame)}", frame) for frame in frames_of(listener.waiting)]


def payload_of(frame: Mapping[str, Any]) -> str:
    """The name of its schema."""
    if frame["type"] == "ok" and isinstance(frame["msg"], list):
        return "listSubscriptionsResponsePayload"
    if frame["type"] == "market_lifecycle_v2" and frame["msg"]["event_type"] == "metadata_updated":
        return "marketMetadataUpdatedPayload"
    return PAYLOADS[frame["type"]]


def validated(found: Iterable[tuple[str, Any]], folder: Path) -> str:
    """What the specifications have against these documents."""
    file = folder / "documents.json"
    file.write_bytes(msgspec.json.encode(list(found)))
    return asyncio.run(run_script("validate.py", SPECS, file))


def test_every_answer_and_every_frame_is_as_specified(tmp_path: Path) -> None:
    service = new_service()
    ann = Member(service)
    found = [*rest_documents(ann), *frames(service, ann)]
    assert {name for name, _ in found if name.startswith("asyncapi")} == {
        "asyncapi:listSubscriptionsResponsePayload",
        "asyncapi:marketMetadataUpdatedPayload",
        *(f"asyncapi:{payload}" for payload in PAYLOADS.values()),
    }
    settled = ann.get("/portfolio/settlements")
    assert len(settled["settlements"]) == 1
    found += [("openapi:GetSettlementsResponse", settled), ("openapi:GetMarketResponse", ann.get(f"/markets/{RAIN}"))]
    assert validated(found, tmp_path) == ""


def test_the_check_sees_what_is_wrong(tmp_path: Path) -> None:
    wrong = [
        ("openapi:CancelOrderV2Response", {"order_id": "x", "client_order_id": "y", "ts_ms": 1}),
        ("openapi:ExchangeStatus", {"exchange_active": True, "trading_active": "yes"}),
        ("openapi:GetOrdersResponse", {"orders": [], "cursor": "", "more": 1}),
    ]
    said = validated(wrong, tmp_path).splitlines()
    assert len(said) == 3
    assert "'reduced_by' is a required property" in said[0]
