"""One pair on one screen: what was changed, which outcome is which, the points, the money's time, both rule texts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from cli.output import Style, cut, printable
from cli.pairs_desk import Looked
from cli.pairs_texts import difference, heads, side_by_side
from cli.words import duration, moment
from pairing.approval import State, What
from pairing.judgement import AGREE, DIFFER, UNKNOWN, Point
from pairing.listing import Listing
from pairing.proposal import Proposal
from pairing.terms import Change
from transport.pairs.book import Decision
from transport.pairs.universe import Kept

LEAST_TEXT: Final = 8
"""Lines of the rules that are shown however small the screen is."""

TOO_GOOD: Final = 1_000
"""An edge of 10 cents: two venues do not leave that lying about for long."""

_LABEL: Final = 9
_LONG: Final = 60
_SHOWN_CHANGES: Final = 6
_TOKEN_END: Final = 6


class Page:
    """How a pair is shown: ``whole`` leaves nothing out, else what fits into ``height`` lines."""

    def __init__(self, style: Style, *, width: int, height: int, whole: bool, now: datetime) -> None:
        self.style = style
        self.width = width
        self.height = height
        self.whole = whole
        self.now = now

    def lines(self, looked: Looked, place: str, decisions: list[Decision]) -> list[str]:
        """The lines, none wider than ``width``."""
        top = [
            *self._title(looked, place),
            *self._changed(looked, decisions),
            *self._outcomes(looked),
            *self._against(looked),
            *self._points(looked.proposal),
            *self._money(looked),
        ]
        if looked.kalshi is None and looked.polymarket is None:
            return top
        texts = self._texts(looked.kalshi, looked.polymarket)
        room = max(LEAST_TEXT, self.height - len(top) - 2)
        if not self.whole and len(texts) > room:
            left = len(texts) - room + 1
            texts = [*texts[: room - 1], self.style.faint(f"… {left} more lines: press m")]
        return [*top, "", *texts]

    def _title(self, looked: Looked, place: str) -> Iterator[str]:
        entry = looked.entry
        state = f"{entry.category} · {entry.state}"
        name = cut(f"{place}{printable(entry.pair.pair_id)}", self.width - len(state) - 2)
        gap = " " * (self.width - len(name) - len(state))
        loud = self.style.alarm if entry.state is State.LATCHED else str
        yield f"{self.style.strong(name)}{gap}{loud(state)}"
        for label, kept in (("Kalshi", looked.kalshi), ("Polymkt", looked.polymarket)):
            if kept is not None:
                yield from self._line(label, _question(kept.listing))
        if looked.kalshi is None and looked.polymarket is None:
            yield from self._line("says", entry.pair.description or "nothing but its markets' names")

    # -- what changed ----------------------------------------------------------------------------------------

    def _changed(self, looked: Looked, decisions: list[Decision]) -> Iterator[str]:
        if looked.entry.state is not State.LATCHED:
            return
        approved = next((each for each in reversed(decisions) if each.what in {What.APPROVE, What.PIN}), None)
        latch = next((each for each in reversed(decisions) if each.what is What.LATCH), None)
        since = "" if approved is None else f" since {approved.who} approved it on {moment(approved.t_us)}"
        changes = looked.changes or (() if latch is None else latch.changes)
        if not changes:
            yield from self._line("CHANGED", f"and changed back{since}; it stays latched until you decide", loud=True)
        for number, change in enumerate(changes):
            if number == _SHOWN_CHANGES and not self.whole:
                yield from self._line("", f"and {len(changes) - number} more: press m")
                return
            label = "CHANGED" if number == 0 else ""
            yield from self._change(label, change, since if number == 0 else "")

    def _change(self, label: str, change: Change, since: str) -> Iterator[str]:
        if max(len(change.old), len(change.new)) <= _LONG:
            text = f"{change.field}: {change.old} -> {change.new}{since}"
            yield from self._line(label, text, loud=True)
            return
        yield from self._line(label, f"{change.field}{since}:", loud=True)
        found = difference(change.old, change.new)
        for sign, sentence in found if self.whole else found[:_SHOWN_CHANGES]:
            mark = self.style.alarm if sign == "+" else self.style.faint
            lines = list(self._wrap(f"{sign} ", sentence))
            for line in lines if self.whole else lines[:3]:
                yield mark(line)

    # -- the evidence ----------------------------------------------------------------------------------------

    def _outcomes(self, looked: Looked) -> Iterator[str]:
        proposal, pair = looked.proposal, looked.entry.pair
        if proposal is None:
            tokens = f"YES {_token(pair.poly_yes_token)}, NO {_token(pair.poly_no_token)}"
            yield from self._line("YES", f"Kalshi's {pair.kalshi_market_ticker or 'none'} = Polymarket's {tokens}")
            return
        yes = f"“{proposal.kalshi_yes}” on Kalshi = “{proposal.yes_name}” on Polymarket ({_token(proposal.yes_token)})"
        yield from self._line("YES", yes, strong=True)
        kalshi_no = looked.kalshi.listing.outcomes[1].name if looked.kalshi is not None else "not that"
        no = f"“{kalshi_no}” on Kalshi = “{proposal.no_name}” on Polymarket ({_token(proposal.no_token)})"
        yield from self._line("NO", no)

    def _against(self, looked: Looked) -> Iterator[str]:
        """What must not be overlooked comes before what is all right."""
        for flag in looked.proposal.flags if looked.proposal is not None else ():
            yield from self._line("!!", f"{flag.name.upper()}: {flag.text}", loud=True)
        look = looked.glance
        if look is not None and look.edge >= TOO_GOOD:
            text = f"TOO GOOD: an edge of {look.edge / 100:.2f}c is more often a wrong pair than a gift"
            yield from self._line("!!", text, loud=True)
        if looked.problem is not None:
            yield from self._line("CANNOT", looked.problem, loud=True)

    def _points(self, proposal: Proposal | None) -> Iterator[str]:
        if proposal is None:
            return
        for state in (DIFFER, UNKNOWN):
            for point in proposal.of(state):
                yield from self._point(point)
        agreed = proposal.of(AGREE)
        if self.whole:
            for point in agreed:
                yield from self._point(point)
        elif agreed:
            total = len(proposal.points)
            share = f"all {total}" if len(agreed) == total else f"{len(agreed)} of {total}"
            yield from self._line("agree", f"{share}: {', '.join(point.name for point in agreed)}")

    def _point(self, point: Point) -> Iterator[str]:
        said = f"{point.name}: {point.why}" if point.why else point.name
        yield from self._line(point.state.value, said, loud=point.state is DIFFER, strong=point.state is UNKNOWN)
        for who, words in (("K", point.kalshi), ("P", point.polymarket)):
            lines = list(self._wrap(f"{who}  ", words or "says nothing"))
            if words or point.state is not AGREE:
                yield from lines if self.whole else [lines[0] if len(lines) == 1 else cut(f"{lines[0]} …", self.width)]

    def _money(self, looked: Looked) -> Iterator[str]:
        lock, look = looked.lockup, looked.glance
        if lock is None:
            return
        parts = []
        closes = [each for each in (lock.kalshi_close, lock.polymarket_close) if each is not None]
        if closes:
            parts.append(f"closes {_moment(min(closes))}")
        if lock.expected is not None:
            parts.append(f"money back about {_moment(lock.expected)}")
        if lock.latest is not None and lock.latest != lock.expected:
            parts.append(f"at the latest {_moment(lock.latest)}")
        if lock.early is not False:
            parts.append("may close early" if lock.early else "nothing said of an early close")
        yield from self._line("time", ", ".join(parts) or "not said")
        if look is not None:
            yearly = looked.yearly(self.now)
            year = "" if yearly is None else f" = {yearly:+.0%} a year of locked capital"
            text = f"{look.edge / 100:+.2f}c on {look.cost / 100:.2f}c a contract{year}, at listed middle prices"
            yield from self._line("edge", text)

    # -- the texts -------------------------------------------------------------------------------------------

    def _texts(self, kalshi: Kept | None, polymarket: Kept | None) -> list[str]:
        names = [_head(name, kept, self.now) for name, kept in (("KALSHI", kalshi), ("POLYMARKET", polymarket))]
        rules = [kept.listing.rules if kept is not None else "" for kept in (kalshi, polymarket)]
        sources = [_sources(kept) for kept in (kalshi, polymarket)]
        left, right = (f"{text}\n{source}".strip() for text, source in zip(rules, sources, strict=True))
        head = heads(names[0], names[1], self.width)
        return [self.style.strong(head), *side_by_side(left, right, self.width, self.style)]

    # -- lines -----------------------------------------------------------------------------------------------

    def _line(self, label: str, text: str, *, loud: bool = False, strong: bool = False) -> Iterator[str]:
        mark = self.style.alarm if loud else self.style.strong if strong else str
        for number, line in enumerate(self._wrap("", printable(text))):
            head = label.ljust(_LABEL) if number == 0 else " " * _LABEL
            yield mark(f"{head}{line[_LABEL:]}".rstrip())

    def _wrap(self, mark: str, text: str) -> Iterator[str]:
        first, rest = " " * _LABEL + mark, " " * (_LABEL + len(mark))
        yield from textwrap.wrap(printable(text), self.width, initial_indent=first, subsequent_indent=rest) or [first]


def _question(listing: Listing) -> str:
    name = listing.outcomes[0].name if listing.outcomes else ""
    generic = name.lower() in {"yes", ""} or name in listing.title
    return listing.title if generic or listing.platform != "kalshi" else f"{listing.title} · {name}"


def _head(name: str, kept: Kept | None, now: datetime) -> str:
    if kept is None:
        return f"{name}: never read"
    age = duration(max(0, int(now.timestamp()) - kept.seen_us // 1_000_000))
    return f"{name} (read {age} ago)"


def _sources(kept: Kept | None) -> str:
    return "" if kept is None or not kept.listing.sources else f"Source: {', '.join(kept.listing.sources)}"


def _token(token: str | None) -> str:
    return "no token" if token is None else f"token …{token[-_TOKEN_END:]}"


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
