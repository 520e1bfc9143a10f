"""The uplink of a trader that also relays books: it says so in the hello, and shows its relay who asks."""

from __future__ import annotations

from actors.base import Address, handles
from actors.messages import Directory, Incoming, LinkClosed, LinkOpened
from actors.relay_messages import BooksAsked, RelayClock, RelayTo
from actors.uplink import Uplink
from protocol.book_wire import BooksSeen, WantBooks
from protocol.terms import WIRE_VERSION, Platform
from protocol.wire import Init, InitAck, Pong


class RelayUplink(Uplink):
    """Guarantees: the relay hears of a connection before anything is asked on it, and of its end in the same turn."""

    @handles(Directory)
    def directory(self, message: Directory, sender: Address) -> None:
        """A relay that replaced a broken one must know who asks; what the other was asked for is asked again."""
        before = self.roles.get("relay")
        super().directory(message, sender)
        if before is not None and before != self.roles["relay"]:
            self.serve(self.conn_id)

    @handles(LinkOpened)
    def opened(self, message: LinkOpened, sender: Address) -> None:
        """Another controller, or the same one again: it asks anew."""
        super().opened(message, sender)
        self.serve(message.conn_id)

    @handles(LinkClosed)
    def closed(self, message: LinkClosed, sender: Address) -> None:
        """Nobody reads any more."""
        if message.conn_id == self.conn_id:
            self.serve(None)
        super().closed(message, sender)

    @handles(Incoming)
    def incoming(self, message: Incoming, sender: Address) -> None:
        """What concerns books goes to the relay; the rest is the link's."""
        super().incoming(message, sender)
        asked = message.message
        if not isinstance(asked, (WantBooks, BooksSeen)) or self.init is None or self.given_up:
            return
        if self.level >= WIRE_VERSION:
            self.send(self.roles["relay"], BooksAsked(asked))

    def drop(self, reason: str) -> None:
        """Given up."""
        self.serve(None)
        super().drop(reason)

    def serve(self, conn_id: int | None) -> None:
        """Tell the relay for whom it works."""
        self.send(self.roles["relay"], RelayTo(conn_id))
        if conn_id is not None and self.offsets.best_us is not None:
            self.send(self.roles["relay"], RelayClock(self.offsets.best_us))

    def measure(self, pong: Pong) -> None:
        """The relay says with every heartbeat how far the clocks are apart."""
        super().measure(pong)
        if self.offsets.best_us is not None:
            self.send(self.roles["relay"], RelayClock(self.offsets.best_us))

    def init_ack(self, init: Init, common: frozenset[Platform]) -> InitAck:
        """At level 2 it names what can be relayed."""
        ack = super().init_ack(init, common)
        if self.level < WIRE_VERSION:
            return ack
        return ack.model_copy(update={"relays": sorted(self.config.relays)})
