"""The dead man's switch: once a key's heartbeat has begun, ten seconds of silence cancel all that it has open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.ids import uuid_text
from venues.polymarket.exchange.refusal import Refusal

SILENCE_US: Final = 10_000_000


@dataclass(slots=True)
class _Beat:
    id: str
    t_us: int


class Heartbeats:
    """The heartbeats of keys. Each answer names the id that the next must carry; the first carries none."""

    def __init__(self, exchange: PolymarketExchange) -> None:
        self.stopped = 0
        self._exchange = exchange
        self._beats: dict[str, _Beat] = {}

    def beat(self, owner: str, given: str, now_us: int) -> str:
        """The next id. Raises :class:`Refusal` 400 for another than the expected: it keeps nothing alive."""
        self.advance(now_us)
        before = self._beats.get(owner)
        expected = "" if before is None else before.id
        if given != expected:
            raise Refusal(400, "", {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": expected})
        beat = _Beat(uuid_text(self._exchange.salt, "heartbeat", owner, self._exchange.count()), now_us)
        self._beats[owner] = beat
        return beat.id

    def shift(self, by_us: int) -> None:
        """The clock was set: the silence is as long as before."""
        for beat in self._beats.values():
            beat.t_us += by_us

    def advance(self, now_us: int) -> None:
        """Cancel what belongs to a key that fell silent; its registration ends with that."""
        for owner, beat in tuple(self._beats.items()):
            if now_us - beat.t_us > SILENCE_US:
                del self._beats[owner]
                self.stopped += 1
                for order in self._exchange.working(owner):
                    self._exchange.cancel(owner, order.order_id, now_us)
