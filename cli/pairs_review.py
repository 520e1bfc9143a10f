"""`arb pairs review`: one pair after the other, one key each; nothing is approved that was not on the screen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Final

from cli.error import CliError
from cli.exit_codes import OK, USAGE
from cli.keys import END, on_terminal, read_key, settle, single_keys
from cli.output import printable, say, stdout_style, terminal_width
from cli.pairs_desk import Desk, Looked, now, opened, person
from cli.pairs_page import Page
from config.home import ArbHome
from pairing.approval import State
from pairing.judgement import UNKNOWN
from transport.pairs.book import Entry
from transport.pairs.errors import PairStoreError

QUESTION: Final = "[a]pprove  [r]eject  [s]kip  [m]ore  [b]ack  [q]uit "
LEAST_GLANCE_S: Final = 0.3
"""A key pressed twice must not decide about a pair that nobody has seen."""

_CLEAR: Final = "\x1b[2J\x1b[H"
_WAITING: Final = (State.LATCHED, State.PROPOSED)

Read = Callable[[], str]


def run(*, category: str | None, home: ArbHome | None = None, read: Read | None = None) -> int:
    """Show each pair that waits, and do what the keys say. Returns the exit code."""
    home = ArbHome.from_environment() if home is None else home
    with opened(home) as desk:
        queue = waiting(desk, category)
        if not queue:
            say("No pair waits for a person: `arb pairs fetch` and `arb pairs find` look for some.")
            return OK
        if read is None and not on_terminal():
            raise CliError(
                USAGE,
                f"{len(queue)} pairs wait, and nobody is here to read them: run `arb pairs review` on a terminal, or "
                "`arb pairs list`, `arb pairs show PAIR` and then `arb pairs approve PAIR` or `arb pairs reject PAIR`. "
                "Nothing was changed",
            )
        review = Review(desk, queue, read or read_key, glance_s=0 if read is not None else LEAST_GLANCE_S)
        with nullcontext() if read is not None else single_keys():
            review.run()
    say(review.summary())
    return OK


def waiting(desk: Desk, category: str | None) -> list[Entry]:
    """The pairs that wait: those that were latched first, then those of which most is known."""
    entries = [each for each in desk.store.entries(_WAITING) if category in {None, each.category}]
    return sorted(entries, key=_turn)


def _turn(entry: Entry) -> tuple[bool, int, int]:
    evidence = entry.evidence
    doubts = 99 if evidence is None else len(evidence.of(UNKNOWN)) + len(evidence.flags)
    return entry.state is not State.LATCHED, doubts, entry.seq


class Review:
    """The pairs that wait, and what became of them so far."""

    def __init__(self, desk: Desk, queue: Sequence[Entry], read: Read, *, glance_s: float) -> None:
        self._desk = desk
        self._queue = queue
        self._read = read
        self._glance_s = glance_s
        self._who = person()
        self._decided: dict[str, State] = {}
        self._closed: set[str] = set()
        self._at = 0

    def run(self) -> None:
        """To the end of the queue, or until somebody has enough; an interrupt decides nothing."""
        try:
            while 0 <= self._at < len(self._queue):
                if not self._one():
                    return
        except KeyboardInterrupt:
            say()

    def summary(self) -> str:
        """What was done, and what it means for a controller that runs."""
        done = list(self._decided.values())
        approved, rejected = done.count(State.APPROVED), done.count(State.REJECTED)
        left = len(self._queue) - len(done) - len(self._closed)
        text = f"{approved} approved, {rejected} rejected, {left} still wait"
        if self._closed:
            text += f", {len(self._closed)} not shown: closed meanwhile"
        return f"{text}. A controller takes up what is approved when it starts." if approved else f"{text}."

    # -- one pair --------------------------------------------------------------------------------------------

    def _one(self) -> bool:
        """Show the pair and do what is asked for; False: enough."""
        entry = self._desk.store.find(self._queue[self._at].pair.pair_id)
        looked = self._desk.look(entry)
        if any(kept is not None and not kept.is_open for kept in (looked.kalshi, looked.polymarket)):
            self._closed.add(entry.pair.pair_id)
            self._at += 1
            return True
        self._show(looked, whole=False)
        if self._glance_s:
            settle(self._glance_s)
        return self._answered(looked)

    def _show(self, looked: Looked, *, whole: bool) -> None:
        if on_terminal() and os.environ.get("TERM", "dumb") != "dumb" and not whole:
            print(_CLEAR, end="")
        place = f"{self._at + 1} of {len(self._queue)}  "
        height = shutil.get_terminal_size((80, 24)).lines - 1
        page = Page(stdout_style(), width=terminal_width(), height=height, whole=whole, now=now())
        for line in page.lines(looked, place, self._desk.store.decisions(looked.entry.pair.pair_id)):
            say(line)

    def _answered(self, looked: Looked) -> bool:
        """Ask until an answer moves on; False: enough."""
        sure = False
        while True:
            print(QUESTION, end="", flush=True)
            key = self._read()
            say({END: "", " ": ""}.get(key, printable(key)))
            match key:
                case "q" | "":
                    return False
                case "s" | " " | "n":
                    self._at += 1
                case "b":
                    self._at = max(0, self._at - 1)
                case "m":
                    self._show(looked, whole=True)
                    continue
                case "r":
                    self._reject(looked)
                case "a" if not sure and looked.problem is None and looked.proposal and looked.proposal.flags:
                    say("It is flagged (!! above). Press a once more to approve it all the same.")
                    sure = True
                    continue
                case "a":
                    if not self._approve(looked):
                        continue
                case _:
                    continue
            return True

    def _approve(self, looked: Looked) -> bool:
        name = looked.entry.pair.pair_id
        try:
            self._desk.approve(looked, who=self._who)
        except PairStoreError as error:
            say(f"not approved: {error}")
            return False
        self._decided[name] = State.APPROVED
        self._at += 1
        return True

    def _reject(self, looked: Looked) -> None:
        self._desk.reject(looked.entry, who=self._who)
        self._decided[looked.entry.pair.pair_id] = State.REJECTED
        self._at += 1
