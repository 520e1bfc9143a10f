"""Whatever is sent to it: an answer with a status, never an exception, and the books stay sound."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.venues.kalshi_exchange.kit import RAIN, Member, headers, new_service, order_body
from tests.venues.kalshi_exchange.socket_kit import Connection
from tests.venues.loopback_kit import T0
from venues.kalshi.exchange.admin import Admin
from venues.loopback.message import Request

_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
_names = st.sampled_from(
    ["ticker", "side", "count", "price", "time_in_force", "client_order_id", "exchange_index", "x"]
)
_paths = st.sampled_from(
    [
        "/portfolio/events/orders",
        "/portfolio/events/orders/batched",
        "/portfolio/events/orders/x",
        "/portfolio/events/orders/x/decrease",
        "/portfolio/orders",
        "/portfolio/orders/x",
        "/portfolio/fills",
        "/portfolio/positions",
        "/portfolio/balance",
        "/portfolio/intra_exchange_instance_transfer",
        "/markets",
        "/markets/orderbooks",
        f"/markets/{RAIN}/orderbook",
        "/markets/trades",
        "/events",
        "/events/x",
        "/series/x",
        "/account/limits",
        "/",
    ]
)
_query = st.dictionaries(
    st.sampled_from(["limit", "cursor", "status", "ticker", "tickers", "min_ts", "max_ts", "depth", "exchange_index"]),
    st.text(max_size=10) | st.integers(-3, 2_000).map(str),
    max_size=3,
)


@settings(max_examples=60)
@given(st.sampled_from(["GET", "POST", "DELETE", "PUT"]), _paths, _query, _json | st.dictionaries(_names, _json))
def test_any_request_is_answered(method: str, path: str, query: dict[str, str], body: object) -> None:
    ann = Member(new_service())
    reply = ann.call(method, path, body, **query)
    assert 200 <= reply.status < 500
    assert not reply.body or isinstance(msgspec.json.decode(reply.body), dict)


@settings(max_examples=60)
@given(st.dictionaries(_names, _scalars, max_size=3))
def test_any_order_is_filled_or_refused(changes: dict[str, object]) -> None:
    ann = Member(new_service())
    reply = ann.call("POST", "/portfolio/events/orders", {**order_body(), **changes})
    assert reply.status in {201, 400, 409}
    assert (reply.status == 201) is bool(ann.account.orders)


@settings(max_examples=60)
@given(
    st.sampled_from(["subscribe", "unsubscribe", "update_subscription", "list_subscriptions", ""]),
    st.dictionaries(
        st.sampled_from(["channels", "market_tickers", "market_ticker", "market_id", "sid", "sids", "action"]),
        _json
        | st.sampled_from(
            [["orderbook_delta"], ["ticker", "fill"], [RAIN], RAIN, 1, [1], "add_markets", "get_snapshot"]
        ),
    ),
)
def test_any_command_is_answered(cmd: str, params: dict[str, object]) -> None:
    line = Connection(Member(new_service()))
    line.follow(RAIN)
    line.taken()
    frames = line.raw(msgspec.json.encode({"id": 5, "cmd": cmd, "params": params}).decode())
    assert frames
    assert {frame["type"] for frame in frames} <= {"error", "subscribed", "ok", "unsubscribed", "orderbook_snapshot"}


@given(st.text() | st.binary())
def test_any_text_is_answered(text: str | bytes) -> None:
    line = Connection(Member(new_service()))
    line.service.command(line.listener, text, T0)
    assert line.taken()


@settings(max_examples=60)
@given(
    st.sampled_from(["faults", "book", "market", "markets", "funds", "keys", "state", ""]),
    st.sampled_from(["GET", "POST", "DELETE"]),
    _json | st.dictionaries(st.sampled_from(["ticker", "bids", "asks", "name", "ms", "status", "dollars"]), _json),
)
def test_any_wish_of_the_operator_is_answered(path: str, method: str, body: object) -> None:
    request = Request(method=method, path=f"/arb-admin/{path}", body=msgspec.json.encode(body))
    assert Admin(new_service()).handle(request, T0).status in {200, 400, 404}


@given(
    st.dictionaries(
        st.sampled_from(["kalshi-access-key", "kalshi-access-timestamp", "kalshi-access-signature"]), st.text()
    )
)
def test_any_headers_are_judged(changes: dict[str, str]) -> None:
    path = "/trade-api/v2/portfolio/fills"
    request = Request(method="GET", path=path, headers={**headers("GET", path, T0), **changes})
    assert new_service().handle(request, T0, {}).status == (401 if changes else 200)
