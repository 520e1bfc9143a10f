"""What the sockets of both channels have in common: PING and PONG, frames out in their order, faults of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from protocol.units import CENT, DOLLAR, price_from_dollars
from venues.loopback.session import Session as LoopbackSession
from venues.polymarket.exchange.amounts import price_text
from venues.polymarket.exchange.events import Event
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.faults import LIES, Faults
from venues.polymarket.exchange.tape_frame import Recorded

MAX_COMMAND: Final = 4 * 1024 * 1024
"""Characters of one command: thousands of tokens fit."""

PING: Final = "PING"
PONG: Final = "PONG"
REFUSED: Final = "INVALID OPERATION"
"""What a command that makes no sense is answered with."""

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
_STRANGE: Final = '{"event_type":"market_weather","market":"0x00","forecast":"rain"}'


class Command(msgspec.Struct):
    """What a client may say, on either channel."""

    type: str = ""
    operation: str = ""
    assets_ids: list[str] = []
    markets: list[str] | None = None
    custom_feature_enabled: bool | None = None
    auth: Mapping[str, str] = {}


_COMMANDS: Final = msgspec.json.Decoder(Command)


class Session(LoopbackSession[Event, Recorded]):
    """One connection. ``broken`` is set when it is to end without a word."""

    channel = ""

    def __init__(self, exchange: PolymarketExchange, faults: Faults) -> None:
        super().__init__()
        self.exchange = exchange
        self.faults = faults

    def command(self, text: str | bytes, now_us: int) -> list[str]:
        """The frames that a text brings. Never raises for what it holds."""
        if text in {PING, PING.encode()}:
            if self.faults.socket("no_pongs") is None:
                self._out.append(PONG)
            return self._taken()
        try:
            if len(text) > MAX_COMMAND:
                raise msgspec.DecodeError("too long")
            command = _COMMANDS.decode(text)
        except _UNREADABLE:
            self._out.append(REFUSED)
            return self._taken()
        self.obey(command, now_us)
        return self._taken()

    def hear(self, event: Event, now_us: int) -> list[str]:
        """The frames that an event brings."""
        self.take(event, now_us)
        return self._taken()

    def play(self, recorded: Recorded, now_us: int) -> list[str]:
        """The frames that one of a recording brings."""
        del recorded, now_us
        return []

    def overflow(self, now_us: int) -> list[str]:
        """Nothing: the connection of a reader that is too slow ends."""
        del now_us
        self.broken = True
        return []

    @property
    def follows(self) -> bool:
        """Whether it waits for a book."""
        return False

    def obey(self, command: Command, now_us: int) -> None:
        """A command; what it brings is said."""
        raise NotImplementedError

    def take(self, event: Event, now_us: int) -> None:
        """An event; what it brings is said."""
        raise NotImplementedError

    def refuse(self) -> None:
        """A command made no sense."""
        self._out.append(REFUSED)

    def say(self, frame: Mapping[str, Any] | Sequence[Mapping[str, Any]], event: str, tokens: tuple[str, ...]) -> None:
        """A data frame, unless a fault strikes it."""
        self.send(_ENCODER.encode(frame).decode(), event, tokens, frame)

    def send(
        self,
        text: str,
        event: str,
        tokens: tuple[str, ...],
        frame: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """A data frame as text, unless a fault strikes it."""
        struck = self.faults.frame(self.channel, event, tokens)
        if "gap" in struck or "silent" in struck:
            return
        if "socket_drop" in struck:
            self.broken = True
            return
        if isinstance(frame, Mapping) and LIES & struck.keys():
            text = _ENCODER.encode(_lied(frame, swallow="book_lie" in struck, off="top_lie" in struck)).decode()
        if "as_array" in struck:
            text = f"[{text}]"
        if "unknown_event" in struck:
            self._out.append(_STRANGE)
        self._out.append(text[: len(text) // 2] if "garbled_frame" in struck else text)
        if "duplicate" in struck:
            self._out.append(text)


def _lied(frame: Mapping[str, Any], *, swallow: bool, off: bool) -> dict[str, Any]:
    """Sizes that are none, or best prices that are a cent off."""
    changes: list[dict[str, str]] = [dict(change) for change in frame["price_changes"]]
    for change in changes:
        if swallow:
            change["size"] = "0" if change["size"] != "0" else "1000"
        if off:
            change["best_bid"], change["best_ask"] = (_off(change[key]) for key in ("best_bid", "best_ask"))
    return {**frame, "price_changes": changes}


def _off(text: str) -> str:
    return price_text((price_from_dollars(text) + CENT) % DOLLAR)
