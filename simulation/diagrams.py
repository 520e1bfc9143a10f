"""Pages that are drawn from the code, so that they cannot say anything else than the code does.

To draw ``docs/trade.md`` again::

    python -c "from simulation.diagrams import trade_page; print(trade_page(), end='')" > docs/trade.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from actors.trade import OVER, TRANSITIONS, Event, State

_HEAD: Final = """\
# A trade, from decision to verdict

Drawn from `TRANSITIONS` in `actors/trade.py`; a test holds that this page says what the table says.

A trade is *over* when every leg's fill is proven. An outcome that is proven later, or taken back, is news: it moves a
trade that was over. A leg whose fate is unknown keeps its trade open and its pair latched, however long that takes.

A naked trade is closed on its pair's books: the missing leg is bought or the excess sold, whichever loses less after
fees, within `max_unwind_loss`. It is decided when every book concerned has been seen, or 2 s after that was first
possible with some of them. A sale that was refused because what was bought has not settled is tried again 2 s later,
not below the price of the first attempt. While nothing may leave (a stop, a halt) the trade stays naked, and says so.

What closes and merely found nothing is tried again at every change of a book. What was refused (or came too late) waits
1 s, then 2 s, 4 s, up to a minute, for as long as the same is said, with or without changes of the books; a reason that
was not given yet begins again with 1 s, a limit 2 c away from the refused one need not wait longer than that, and
`arb resume` tries at once. A purchase that was refused three times in a row gives way to a sale, where one is possible
within `max_unwind_loss`. The trade stays naked, alarmed and counted all the while; its reason is said once.
"""


def trade_page() -> str:
    """The whole of ``docs/trade.md``: the diagram, and every state with every event."""
    return "\n".join([_HEAD, *_diagram(), "", *_table(), "", *_sets()]) + "\n"


def _diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.PROPOSED}"
    for (state, event), after in TRANSITIONS.items():
        yield f"    {state} --> {after}: {event}"
    yield "```"


def _table() -> Iterator[str]:
    yield "What each event makes of each state; `-` is refused as a bug (`IllegalTransition`)."
    yield ""
    yield _row("state", Event)
    yield _row("---", ["---"] * len(Event))
    for state in State:
        yield _row(f"**{state}**", (TRANSITIONS.get((state, event), "-") for event in Event))


def _sets() -> Iterator[str]:
    yield f"- Over: {_named(OVER)}."
    yield f"- The pair may trade again: {_named(OVER)}."


def _row(first: str, rest: Iterable[str]) -> str:
    return f"| {' | '.join([first, *rest])} |"


def _named(states: frozenset[State]) -> str:
    return ", ".join(state for state in State if state in states)
