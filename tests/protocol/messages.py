"""Messages as the seed and its known peers write them, and any message that a peer could send."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

INIT = {"type": "init", "platforms": ["kalshi", "polymarket"], "dry_run": False}

EXECUTE_LEG = {
    "type": "execute_leg",
    "market_id": 42,
    "leg_id": "leg_001",
    "platform": "kalshi",
    "action": "buy",
    "side": "yes",
    "price": 52,
    "contracts": 10,
    "kalshi_market_ticker": "KXNBA-...",
    "pair_id": "nba_lal_bos_ml",
    "description": "Lakers vs Celtics ML",
}

LEG_RESULT = {
    "type": "leg_result",
    "leg_id": "leg_001",
    "platform": "kalshi",
    "success": True,
    "filled": 10,
    "avg_price": 52,
    "order_id": "ord_abc123",
    "error": None,
}

PING = {"type": "ping"}
PONG = {"type": "pong"}

SEED: list[dict[str, Any]] = [INIT, EXECUTE_LEG, LEG_RESULT, PING, PONG]
"""Every example of the seed, field by field."""

RUST_RESULT = {
    "type": "leg_result",
    "market_id": 42,
    "leg_id": "leg_001",
    "platform": "polymarket",
    "action": "buy",
    "side": "no",
    "price": 47,
    "contracts": 10,
    "success": True,
    "latency_ns": 81_000_000,
    "error": None,
}
"""What the known implementation of the seed answers: neither `filled` nor `avg_price` nor `order_id`."""

BOOK = {
    "type": "book",
    "platform": "polymarket",
    "market": "111",
    "side": "yes",
    "bids": [[44, 10], [43, 5]],
    "asks": [[45, 10]],
    "t": 1_767_800_000_000_000,
    "seq": 7,
}

VALID: list[dict[str, Any]] = [
    *SEED,
    RUST_RESULT,
    BOOK,
    {"type": "init_ack", "success": True, "platforms": ["kalshi"], "error": None, "protocol": 2, "trader_id": "t"},
    {"type": "ping", "timestamp": 1_767_800_000},
    {"type": "status", "platforms": ["kalshi"], "halted": False, "venues": {"kalshi": "well"}},
    {"type": "halt", "reason": "lunch", "number": 3, "everything": True},
    {"type": "halt_ack", "number": 3, "open_legs": 1},
    {"type": "resume", "reason": "back", "number": 4},
    {"type": "resume_ack", "number": 4, "success": False, "error": "its own operator halted it"},
]

NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.decimals(allow_nan=False, allow_infinity=False).map(float),
    st.sampled_from([10**30, -1, 0, 100, 2**64]),
)

JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=20), st.sampled_from(["buy", "yes", "kalshi"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A valid message with some fields missing, replaced or added."""
    message = dict(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 3))):
        key = draw(st.sampled_from([key for key in message if key != "type"] or ["type"]) | st.text(max_size=8))
        if key in message and key != "type" and draw(st.booleans()):
            del message[key]
        elif key != "type":
            message[key] = draw(JSON_VALUES)
    return message
