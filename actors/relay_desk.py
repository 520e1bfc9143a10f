"""The controller's desk for relayed books: which trader is asked, and what it says to the scanner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.messages import Describe, Description, Directory, Note, SessionLost, StartTimer, TimerFired
from actors.relay_messages import AskRelay, RelayBroken, RelayHeard, RelayOffered
from actors.relay_stream import Heard, RelayStream, StreamRules
from market.events import BooksLost, FeedBatch
from protocol.book_wire import BookState
from protocol.terms import WIRE_VERSION, Platform

RETRY_US: Final = 1_000_000
"""A trader is asked to begin anew at most once in this long."""

BAD_US: Final = 10_000_000
"""For so long a trader whose stream failed stands behind the others."""


class DeskSetup(msgspec.Struct, frozen=True):
    """The markets whose books come from traders, and when such a book is too old."""

    wanted: Mapping[Platform, tuple[str, ...]]
    rules: StreamRules = StreamRules()


class Line(msgspec.Struct):
    """A connected trader: what it relays, when it was last asked to begin (monotonic), until when it stands behind."""

    offer: RelayOffered
    session: Address
    asked_us: dict[Platform, int] = {}
    bad_until_us: dict[Platform, int] = {}


class Relayed(msgspec.Struct):
    """One platform: who relays it now, if anybody, and what was counted over all of them."""

    line: Line | None = None
    stream: RelayStream | None = None
    told: str | None = None
    t: int = 0
    gaps: int = 0
    streams: int = 0
    failovers: int = 0
    last_trader: str | None = None


class RelayDesk(GuardedActor):
    """Guarantees: books of a platform come from one trader at a time, and with it go all that it brought."""

    def __init__(self) -> None:
        """Nobody to ask."""
        super().__init__()
        self.config: DeskSetup
        self.roles: dict[str, Address] = {}
        self.lines: dict[int, Line] = {}
        self.relayed: dict[Platform, Relayed] = {}
        self.count = 0

    @handles(DeskSetup)
    def setup(self, message: DeskSetup, _sender: Address) -> None:
        """Take what is wanted."""
        self.config = message
        self.relayed = {platform: Relayed() for platform in message.wanted}

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who; a new scanner has no books, so all are asked for again."""
        before, self.roles = self.roles, dict(message.roles)
        fresh = before.get("scanner") != self.roles["scanner"]
        for platform, relayed in self.relayed.items():
            if fresh and relayed.stream is not None:
                self.begin(platform, relayed)
            elif fresh:
                relayed.told = None
                self.choose(platform)

    # -- who relays ------------------------------------------------------------------------------------------

    @handles(RelayOffered)
    def offered(self, message: RelayOffered, sender: Address) -> None:
        """A trader said hello."""
        self.lines[message.conn_id] = Line(message, sender)
        for platform in self.relayed:
            self.choose(platform)

    @handles(SessionLost)
    def session_lost(self, message: SessionLost, _sender: Address) -> None:
        """A connection is gone, and in this very turn every book that it brought."""
        line = None if message.conn_id is None else self.lines.pop(message.conn_id, None)
        for platform, relayed in self.relayed.items():
            if line is not None and relayed.line is line:
                self.give_up(platform, f"its connection is gone: {message.reason}")
            elif line is not None and relayed.stream is None:
                self.choose(platform)

    def choose(self, platform: Platform) -> None:
        """Have somebody relay this platform, if nobody does and anybody can."""
        relayed, now = self.relayed[platform], self.turn.mono_us
        if relayed.stream is not None:
            return
        lines = self.able(platform)
        if not lines:
            self.lost(platform, self.why_nobody(platform))
            return
        best = lines[0]
        wait_us = best.asked_us.get(platform, now - RETRY_US) + RETRY_US - now
        if wait_us > 0:
            self.send(self.roles["clock"], StartTimer(wait_us, f"choose {platform}"))
            return
        relayed.line = best
        if relayed.last_trader not in {None, best.offer.trader}:
            relayed.failovers += 1
        relayed.last_trader = best.offer.trader
        self.begin(platform, relayed)

    def able(self, platform: Platform) -> list[Line]:
        """Who can relay it, the one to be asked first."""
        now = self.turn.mono_us
        lines = [line for line in self.lines.values() if platform in line.offer.platforms]
        return sorted(lines, key=lambda line: max(now, line.bad_until_us.get(platform, 0)))

    def why_nobody(self, platform: Platform) -> str:
        """For the operator: what each connected trader cannot do."""
        why = "; ".join(self.cannot(platform))
        return f"no trader relays {platform}" + (f" ({why})" if why else ": none is connected")

    def cannot(self, platform: Platform) -> list[str]:
        """The traders that do not relay it, and why."""
        return [
            f"{line.offer.trader} "
            + ("speaks level 1" if line.offer.level < WIRE_VERSION else f"has no feed of {platform} to relay")
            for line in self.lines.values()
            if platform not in line.offer.platforms
        ]

    def begin(self, platform: Platform, relayed: Relayed) -> None:
        """Ask for all books anew, under a new number: nothing of an older stream can be taken for this one's."""
        if relayed.line is None:
            return
        self.count += 1
        now = self.turn.mono_us
        relayed.streams += 1
        relayed.line.asked_us[platform] = now
        stream = RelayStream(self.count, platform, self.config.wanted[platform], self.config.rules, now)
        relayed.stream = stream
        self.ask(relayed, stream.next_wants(None))
        self.note(f"{platform} books asked from {relayed.line.offer.trader}", count="relay_streams")
        self.send(self.roles["clock"], StartTimer(stream.left_us(now), f"watch {platform} {stream.sub}"))

    def give_up(self, platform: Platform, reason: str) -> None:
        """That stream is over: its books are lost first, then somebody else is asked, or the same one again."""
        relayed = self.relayed[platform]
        line, relayed.line, relayed.stream = relayed.line, None, None
        if line is not None:
            line.bad_until_us[platform] = self.turn.mono_us + BAD_US
            self.note(f"{platform} is not relayed by {line.offer.trader} any more: {reason}", "warning", "relay_lost")
            self.lost(platform, f"{line.offer.trader}: {reason}")
        self.choose(platform)

    def lost(self, platform: Platform, reason: str) -> None:
        """Every book of the platform is unusable, and why; said again only when there is another reason."""
        relayed = self.relayed[platform]
        if relayed.told != reason:
            relayed.told = reason
            self.send(self.roles["scanner"], FeedBatch(platform, relayed.t, (BooksLost(reason),), is_data=False))

    # -- what it says ----------------------------------------------------------------------------------------

    @handles(RelayHeard)
    def heard(self, message: RelayHeard, _sender: Address) -> None:
        """A frame; one of an older stream is nobody's."""
        frame = message.frame
        for platform, relayed in self.relayed.items():
            stream = relayed.stream
            if stream is None or stream.sub != frame.sub or not self.is_of(relayed, message.conn_id):
                continue
            heard = stream.take(frame, message.size, self.turn.unix_us, self.turn.mono_us)
            self.act(platform, relayed, heard)
            if relayed.stream is stream:
                self.answer(relayed, stream, frame if isinstance(frame, BookState) else None)
            return

    def act(self, platform: Platform, relayed: Relayed, heard: Heard) -> None:
        """Hand market data to the scanner; end what is at fault."""
        if heard.fault is not None:
            relayed.gaps += 1
            self.give_up(platform, heard.fault)
        elif heard.again:
            relayed.line, relayed.stream = None, None
            self.choose(platform)
        elif heard.batch is not None:
            relayed.told, relayed.t = None, heard.batch.t
            self.send(self.roles["scanner"], heard.batch)
        stream = relayed.stream
        if stream is not None and stream.latched is not None and self.better(platform, relayed):
            self.give_up(platform, stream.latched)

    def better(self, platform: Platform, relayed: Relayed) -> bool:
        """Whether somebody else could relay who has not failed lately."""
        now = self.turn.mono_us
        return any(
            line is not relayed.line and line.bad_until_us.get(platform, 0) <= now for line in self.able(platform)
        )

    def answer(self, relayed: Relayed, stream: RelayStream, state: BookState | None) -> None:
        """Say what was read, and ask for more where the last question was answered."""
        read = stream.read(at_once=state is not None)
        if read is not None and relayed.line is not None:
            self.send(relayed.line.session, AskRelay(read))
        if state is not None:
            self.ask(relayed, stream.next_wants(state.markets))

    def ask(self, relayed: Relayed, wants: Any) -> None:  # noqa: ANN401 -- a question, or none
        """Write to the trader."""
        if wants is not None and relayed.line is not None:
            self.send(relayed.line.session, AskRelay(wants))

    def is_of(self, relayed: Relayed, conn_id: int) -> bool:
        """Whether that connection is the one that relays."""
        return relayed.line is not None and relayed.line.offer.conn_id == conn_id

    @handles(RelayBroken)
    def broken(self, message: RelayBroken, _sender: Address) -> None:
        """What cannot be read may have been of any stream of that connection."""
        for platform, relayed in self.relayed.items():
            if relayed.stream is not None and self.is_of(relayed, message.conn_id):
                relayed.gaps += 1
                self.give_up(platform, f"a frame that cannot be read: {message.reason}")

    @handles(TimerFired)
    def timer(self, message: TimerFired, _sender: Address) -> None:
        """Look whether the relay is still there, or ask somebody again."""
        word, name, *rest = message.key.split()
        platform = Platform(name)
        relayed = self.relayed[platform]
        stream = relayed.stream
        if word == "choose":
            self.choose(platform)
        elif stream is not None and rest == [str(stream.sub)]:
            left_us = stream.left_us(self.turn.mono_us)
            if left_us <= 0:
                silence = (self.turn.mono_us - stream.heard_us) / 1e6
                self.give_up(platform, f"the relay has said nothing for {silence:.1f} s")
            else:
                self.send(self.roles["clock"], StartTimer(left_us, message.key))

    # -- for people ------------------------------------------------------------------------------------------

    def note(self, text: str, level: str = "info", count: str | None = None) -> None:
        """Log under the feed's prefix."""
        self.send(self.roles["telemetry"], Note("FEED", text, level, count=count))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """Each relayed platform's line of the status."""
        rows = [self.row(platform, relayed) for platform, relayed in self.relayed.items()]
        self.send(sender, Description("relays", {"platforms": rows}))

    def row(self, platform: Platform, relayed: Relayed) -> dict[str, Any]:
        """Who relays, how old it is, what it cost; or why nobody does."""
        nobody = {"state": "none", "reason": relayed.told, "wanted": len(self.config.wanted[platform])}
        return {
            "platform": platform,
            "trader": None if relayed.line is None else relayed.line.offer.trader,
            **(nobody if relayed.stream is None else relayed.stream.row(self.turn.unix_us)),
            "gaps": relayed.gaps,
            "streams": relayed.streams,
            "failovers": relayed.failovers,
            "standing_by": [line.offer.trader for line in self.able(platform) if line is not relayed.line],
            "cannot": self.cannot(platform),
        }
