"""`arb replay`: the opportunities in a recording, and with `--trade` what trading them on paper locks in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from cli.error import CliError
from cli.exit_codes import ERROR, OK
from cli.output import complain, say
from cli.pairs_source import named_pairs
from cli.run_controller import precision_of, rules_of
from cli.words import count, usd
from config.settings import Settings
from market.opportunity import Opportunity
from market.tracker import EventKind, OpportunityEvent, replay_record
from protocol.terms import Platform
from protocol.units import Money, money_from_dollars, show_money, show_price, show_quantity
from simulation.paper_run import PaperRun
from transport.feeds.capture_file import CaptureError
from transport.feeds.offline import replay_offline

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_MAX_COMPLAINTS: Final = 20


def run(settings: Settings, *, as_json: bool, trade: bool) -> int:
    """Print what the recording offers; returns the exit code (1 when the file is damaged, after what came before)."""
    file = settings.feed_file
    if file is None or settings.pairs is None:
        raise CliError(ERROR, "replay needs a recording and a pairs file")
    pairs = named_pairs(settings)
    silence = int(settings.max_silence_s * 1_000_000) if settings.max_silence_s else None
    complaints = _Complaints()
    replay = replay_offline(file, pairs, rules_of(settings), silence, complaints.take)
    view = _Json() if as_json else _Table()
    code = OK
    try:
        for event in replay:
            view.show(event)
    except CaptureError as error:
        complain(str(error))
        code = ERROR
    complaints.finish()
    view.finish(replay.lines)
    if trade:
        view.traded(traded(settings, file))
    return code


def traded(settings: Settings, file: Path) -> dict[str, Any]:
    """Trade the recording on paper venues with the real controller's actors; the totals and counts of its status."""
    if settings.pairs is None:
        raise CliError(ERROR, "replay needs a pairs file")
    cap = money_from_dollars(settings.max_leg_notional_usd)
    run_on_paper = PaperRun(named_pairs(settings), rules_of(settings), cap, precision_of(settings))
    return run_on_paper.totals(file)


class _Complaints:
    """Frames of the recording that made no sense: the first few by name, the others as a number."""

    def __init__(self) -> None:
        self.count = 0

    def take(self, platform: Platform, text: str) -> None:
        """One more."""
        self.count += 1
        if self.count <= _MAX_COMPLAINTS:
            complain(f"{platform}: {text}")

    def finish(self) -> None:
        """Say how many were not named."""
        if self.count > _MAX_COMPLAINTS:
            complain(f"and {self.count - _MAX_COMPLAINTS} more such lines")


class _Json:
    """One object a line."""

    def show(self, event: OpportunityEvent) -> None:
        """One event."""
        say(_ENCODER.encode(replay_record(event)).decode())

    def traded(self, totals: dict[str, Any]) -> None:
        """What trading it gave."""
        say(_ENCODER.encode({"event": "traded", **totals}).decode())

    def finish(self, _lines: int) -> None:
        """Nothing more: every line is an event."""


class _Table:
    """One line an event, and a summary, for a person."""

    def __init__(self) -> None:
        self.opened = 0
        self.since: dict[str, int] = {}
        self.open_us = 0
        self.best: Opportunity | None = None

    def show(self, event: OpportunityEvent) -> None:
        """One event, as wide as 80 columns allow."""
        found = event.opportunity
        self._count(event)
        moment = datetime.fromtimestamp(event.t // 1_000_000, UTC)
        prices = " + ".join(f"{show_price(leg.limit)} {leg.side} {leg.platform}" for leg in found.legs)
        head = f"{moment:%Y-%m-%d %H:%M:%S}  {event.kind.value:<6}"
        if event.kind is EventKind.CLOSE:
            say(f"{head}  {found.pair_id}")
            return
        say(f"{head}  {found.pair_id}  {show_quantity(found.quantity)} x ({prices})")
        say(f"{'':27}  edge {show_money(found.edge)} after {show_money(found.fees)} fees")

    def _count(self, event: OpportunityEvent) -> None:
        pair_id, found = event.opportunity.pair_id, event.opportunity
        if event.kind is EventKind.CLOSE:
            self.open_us += event.t - self.since.pop(pair_id, event.t)
            return
        if event.kind is EventKind.OPEN:
            self.opened += 1
            self.since[pair_id] = event.t
        if self.best is None or found.edge > self.best.edge:
            self.best = found

    def traded(self, totals: dict[str, Any]) -> None:
        """What trading it gave."""
        states = (state for state in ("hedged", "flat", "naked", "unknown") if state == "hedged" or totals[state])
        say()
        say(f"traded on paper: {', '.join(f'{count(totals[state])} {state}' for state in states)}")
        say(f"  {count(totals['contracts'])} contracts, cost {usd(totals['cost_usd'])}, fees {usd(totals['fees_usd'])}")
        say(f"  edge locked in {usd(totals['edge_locked_usd'])}")

    def finish(self, lines: int) -> None:
        """The sum of it."""
        say()
        hours, rest = divmod(self.open_us // 1_000_000, 3600)
        say(f"{lines} lines, {self.opened} opportunities, open for {hours} h {rest // 60} min in all")
        if self.since:
            say(f"still open at the end: {', '.join(sorted(self.since))}")
        best = show_money(self.best.edge) if self.best is not None else show_money(Money(0))
        say(f"largest edge at one moment: {best}")
