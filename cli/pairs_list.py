"""`arb pairs list` and `show`: what was proposed and decided, when its money comes back, what it may bring."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cli.error import CliError
from cli.exit_codes import OK, USAGE
from cli.output import Column, printable, say, say_json, stdout_style, table, terminal_width
from cli.pairs_desk import Desk, Looked, now, opened
from cli.pairs_fetch import stored
from cli.pairs_page import Page
from cli.words import moment
from config.home import ArbHome
from pairing.approval import State
from pairing.judgement import DIFFER, UNKNOWN, Verdict
from transport.pairs.book import Decision, Entry
from transport.pairs.universe import Kept

_COLUMNS: Final = (
    Column("pair", give=True),
    Column("class", give=True),
    Column("state"),
    Column("known"),
    Column("closes"),
    Column("edge", align="right"),
    Column("a year", align="right"),
)
_LEAST_NAME: Final = 12
_MOST_A_YEAR: Final = 10

_ENDLESS: Final = 1_000_000


def show_list(*, state: str | None, category: str | None, as_json: bool, home: ArbHome | None = None) -> int:
    """Print the pairs, a line each."""
    states = states_of(state)
    with opened(ArbHome.from_environment() if home is None else home) as desk:
        entries = [each for each in desk.store.entries(states) if category in {None, each.category}]
        if as_json:
            for entry in entries:
                say_json(document(desk.look(entry)))
            return OK
        rows = _fitted([_row(desk, entry) for entry in entries])
        if not rows:
            say("no pairs" if state is None and category is None else "no pairs of that state and class")
        for line in table(_COLUMNS, rows, terminal_width(), head=stdout_style().faint, indent=0) if rows else ():
            say(line)
        if rows:
            counts = [f"{number} {each}" for each in State if (number := sum(e.state is each for e in entries))]
            say(f"{', '.join(counts)}. Edge and year at the middle prices of the listings: {', '.join(stored(desk))}.")
    return OK


def states_of(state: str | None) -> tuple[State, ...]:
    """The states that ``--state`` names. Raises :class:`CliError`."""
    try:
        return tuple(State) if state is None else (State(state),)
    except ValueError:
        raise CliError(USAGE, f"--state {state}: must be {', '.join(State)}") from None


def show_one(name: str, *, as_json: bool, home: ArbHome | None = None) -> int:
    """Print all that is known of one pair."""
    with opened(ArbHome.from_environment() if home is None else home) as desk:
        looked = desk.look(desk.store.find(name))
        decisions = desk.store.decisions(looked.entry.pair.pair_id)
        if as_json:
            peers = [peer.pair.pair_id for peer in same_event(desk, looked.entry)]
            history = [_happened(each) for each in decisions]
            say_json(document(looked) | {"same_event": peers, "history": history, **_rules(looked)})
            return OK
        page = Page(stdout_style(), width=terminal_width(), height=_ENDLESS, whole=True, now=now())
        for line in page.lines(looked, "", decisions):
            say(line)
        say()
        say(f"event     {printable(looked.entry.pair.event_id or 'one of its own')}")
        for peer in same_event(desk, looked.entry):
            say(f"          with {printable(peer.pair.pair_id)} ({peer.category}, {peer.state})")
        for each in decisions:
            note = f": {each.note}" if each.note else ""
            say(f"{moment(each.t_us)}  {each.what} by {printable(each.who)}{printable(note)}")
    return OK


def same_event(desk: Desk, entry: Entry) -> list[Entry]:
    """The other pairs about the same, with which it shares the limit per event."""
    key = entry.pair.event_id
    others = (each for each in desk.store.entries() if each.seq != entry.seq)
    return [each for each in others if key is not None and each.pair.event_id == key]


def _row(desk: Desk, entry: Entry) -> list[str]:
    looked = quick(desk, entry)
    close = None if looked.lockup is None else looked.lockup.kalshi_close
    look, yearly = looked.glance, looked.yearly(now())
    return [
        printable(entry.pair.pair_id),
        entry.category,
        f"{entry.state}, shut" if shut(looked) else str(entry.state),
        known(looked),
        "" if close is None else f"{close:%Y-%m-%d}",
        "" if look is None else f"{look.edge / 100:+.2f}c",
        "" if yearly is None else f"{yearly:+.0%}" if yearly < _MOST_A_YEAR else ">999%",
    ]


def _fitted(rows: list[list[str]]) -> list[list[str]]:
    """Names that are too long without their middle: which market of the event it is stands at the end."""
    titles = [column.title for column in _COLUMNS]
    others = sum(2 + max(map(len, column)) for column in list(zip(titles, *rows, strict=True))[1:])
    room = max(_LEAST_NAME, terminal_width() - others)
    return [[_short(name, room), *rest] for name, *rest in rows]


def _short(name: str, room: int) -> str:
    return name if len(name) <= room else f"{name[: room // 4]}…{name[len(name) - room + room // 4 + 1 :]}"


def quick(desk: Desk, entry: Entry) -> Looked:
    """The pair with the evidence of when it was found, not judged anew: for many at once."""
    kalshi, polymarket = desk.store.sides(entry)
    return Looked(entry, kalshi, polymarket, entry.evidence, (), None)


def shut(looked: Looked) -> bool:
    """Whether one of its markets is not open any more."""
    return any(kept is not None and not kept.is_open for kept in (looked.kalshi, looked.polymarket))


def known(looked: Looked) -> str:
    """What its points come to, in two words."""
    proposal = looked.proposal
    if proposal is None or not proposal.points:
        return "not judged"
    if proposal.verdict is Verdict.DIFFERENT:
        return f"{len(proposal.of(DIFFER))} differ"
    unknown = len(proposal.of(UNKNOWN))
    return (f"{unknown} unknown" if unknown else "all agree") + (" !!" if proposal.flags else "")


def document(looked: Looked) -> dict[str, Any]:
    """The pair as one JSON object."""
    entry, lock, look = looked.entry, looked.lockup, looked.glance
    pair = entry.pair
    found: dict[str, Any] = {
        "pair_id": pair.pair_id,
        "state": entry.state,
        "class": entry.category,
        "event_id": pair.event_id,
        "description": pair.description,
        "kalshi_market_ticker": pair.kalshi_market_ticker,
        "polymarket_condition": entry.polymarket_id,
        "poly_yes_token": pair.poly_yes_token,
        "poly_no_token": pair.poly_no_token,
        "open": not shut(looked),
        "verdict": looked.verdict,
        "problem": looked.problem,
        "terms": {"kalshi": looked.seen[0], "polymarket": looked.seen[1]},
        "approved_terms": {"kalshi": entry.digests[0], "polymarket": entry.digests[1]},
        "changes": [msgspec.to_builtins(change) for change in looked.changes],
    }
    if looked.proposal is not None:
        found["points"] = [msgspec.to_builtins(point) for point in looked.proposal.points]
        found["flags"] = [msgspec.to_builtins(flag) for flag in looked.proposal.flags]
    if lock is not None:
        found["lockup"] = msgspec.to_builtins(lock)
    if look is not None:
        yearly = looked.yearly(now())
        found |= {
            "edge_cents": look.edge / 100,
            "cost_cents": look.cost / 100,
            "edge_per_year": None if yearly is None else round(float(yearly), 4),
        }
    return found


def _rules(looked: Looked) -> dict[str, Any]:
    return {
        "listings": {
            "kalshi": _listing(looked.kalshi),
            "polymarket": _listing(looked.polymarket),
        }
    }


def _listing(kept: Kept | None) -> Any:  # noqa: ANN401 -- JSON
    if kept is None:
        return None
    return msgspec.to_builtins(kept.listing) | {"read_us": kept.seen_us, "open": kept.is_open}


def _happened(decision: Decision) -> dict[str, Any]:
    return {
        "t": decision.t_us,
        "what": decision.what,
        "state": decision.state,
        "who": decision.who,
        "note": decision.note,
        "changes": [msgspec.to_builtins(change) for change in decision.changes],
    }
