"""Telemetry as log lines. Written after the turn, so that no disk or terminal is waited for on an order's way out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any, Final, cast

from actors.messages import Note, OpportunityNote, TradeMoved, TradeSent
from market.opportunity import Opportunity
from protocol.units import price_to_cents, quantity_to_wire, show_money, show_price, show_quantity
from transport.logs import Level, log_event

MAX_WAITING: Final = 10_000
"""Lines not written yet; beyond that the oldest are lost, and how many is said."""

ALWAYS_SHOWN: Final = 4
_NOTHING: Final = frozenset({"unfilled", "rejected", "expired"})


class LogObserver:
    """Implements ``Observer``: one log line per note, with the leg and pair it concerns."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[object] = deque(maxlen=MAX_WAITING)
        self._scheduled = False
        self._lost = 0

    def observe(self, note: object) -> None:
        """Keep it for after the turn."""
        self._lost += len(self._waiting) == MAX_WAITING
        self._waiting.append(note)
        if not self._scheduled and not self._loop.is_closed():
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what is waiting."""
        self._scheduled = False
        if self._lost:
            log_event("CONTROL", "error", f"{self._lost} log lines were lost: more came than could be written")
            self._lost = 0
        while self._waiting:
            write(self._waiting.popleft())


def write(note: object) -> None:
    """One note as one log line (a trade that was sent: one line a leg)."""
    match note:
        case Note():
            log_event(note.component, cast("Level", note.level), note.text, note.leg_id, note.pair_id)
        case TradeSent():
            _sent(note)
        case TradeMoved(record=record):
            _moved(cast("dict[str, Any]", record))
        case OpportunityNote(event=event, opportunity=found, pair_id=pair_id):
            log_event(
                "SCAN",
                "info",
                f"opportunity {'opened' if event == 'open' else 'closed'}: {_seen(found)}",
                pair_id=pair_id,
            )
        case _:
            log_event("CONTROL", "debug", repr(note)[:500])


def _seen(found: Opportunity) -> str:
    prices = " + ".join(f"{leg.side} {show_price(leg.limit)} on {leg.platform}" for leg in found.legs)
    return f"{found.arb_type} {show_quantity(found.quantity)} x ({prices}), edge {show_money(found.edge)} after fees"


def _sent(note: TradeSent) -> None:
    pair_id = note.opportunity.pair_id
    log_event("HYBRID", "info", f"trade {note.trade_id}: {_seen(note.opportunity)}", pair_id=pair_id)
    for leg, path in note.legs:
        text = f"{leg.action} {quantity_to_wire(leg.quantity)} {leg.side} at {price_to_cents(leg.limit)}c"
        log_event(
            "REMOTE_EXEC" if path.startswith("remote") else "HYBRID",
            "info",
            f"{path} executes on {leg.platform}: {text}",
            leg.leg_id,
            pair_id,
        )


def _moved(record: dict[str, Any]) -> None:
    state, pair_id = record["state"], record["pair_id"]
    text = f"trade {record['trade_id']} is {state}"
    if record["edge_usd"] is not None:
        text += f": {record['matched']} contracts, cost ${record['cost_usd']}, fees ${record['fees_usd']}, "
        text += f"edge locked in ${record['edge_usd']}"
        if all(leg["paper"] for leg in record["legs"]):
            text += " (paper)"
    elif state in {"naked", "unknown", "flat"}:
        text += ": " + ", ".join(_telling(record["legs"]))
    log_event("HYBRID", "error" if state in {"naked", "unknown"} else "info", text, pair_id=pair_id)


def _telling(legs: list[dict[str, Any]]) -> Iterator[str]:
    """The first legs, the last one, and what filled or is not known; of attempts that came to nothing how many."""
    nothing = 0
    for number, leg in enumerate(legs):
        last = number == len(legs) - 1
        if number < ALWAYS_SHOWN or last or leg["filled"] or leg["status"] not in _NOTHING:
            yield f"{leg['platform']} {leg['side']} {leg['status']} {leg['filled'] or 0} of {leg['asked']}"
        else:
            nothing += 1
    if nothing:
        yield f"and {nothing} attempts that filled nothing"
