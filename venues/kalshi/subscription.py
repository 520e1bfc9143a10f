"""What one connection is subscribed to, brought step by step to what is wanted. Pure: frames in, frames to send out.

One command is under way at a time, so that thousands of markets do not meet the venue's limit on commands as a burst.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from venues.kalshi.commands import BOOKS, Action, subscribe_books, subscribe_lifecycle, update

BATCH: Final = 250
"""Markets of one command."""

MARKET_LIMIT: Final = 26
PATIENCE: Final = frozenset({18, 27})
"""Error codes after which the same command is sent again, later: it timed out there, or there were too many."""

MAX_REPEATS: Final = 20


class SubscriptionFailed(Exception):
    """The venue does not do what it must; only a new connection helps."""


class _Step(msgspec.Struct):
    """A command to be sent: on which subscription (None: a new one), what, of which markets; or the lifecycle."""

    action: Action | None
    markets: tuple[str, ...] = ()
    sid: int | None = None
    repeats: int = 0


class _Control(msgspec.Struct, gc=False):
    type: str
    id: int | None = None
    sid: int | None = None
    msg: Any = None


_decode: Final = msgspec.json.Decoder(_Control).decode
_READABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)


class Subscriptions:
    """The subscriptions of one connection; a new connection needs a new one of these."""

    def __init__(self, markets: Iterable[str], *, batch: int = BATCH) -> None:
        self._batch = batch
        self._wanted: dict[str, None] = dict.fromkeys(markets)
        self._sid_of: dict[str, int] = {}
        self._full: set[int] = set()
        self._steps: deque[_Step] = deque([_Step(None)])
        self._under_way: tuple[int, _Step] | None = None
        self._count = 0
        self._add(self._wanted)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The markets that are to be subscribed."""
        return tuple(self._wanted)

    @property
    def done(self) -> bool:
        """Whether every command was answered."""
        return not self._steps and self._under_way is None

    @property
    def under_way(self) -> bool:
        """Whether a command waits for its answer."""
        return self._under_way is not None

    @property
    def awaits_snapshot(self) -> bool:
        """Whether the answer to the command under way is a snapshot, so that :meth:`answered` must see those, too."""
        return self._under_way is not None and self._under_way[1].action == "get_snapshot"

    def next(self) -> str | None:
        """The next command to send; None while one is under way, or when there is nothing to do."""
        if self._under_way is not None or not self._steps:
            return None
        step = self._steps.popleft()
        self._count += 1
        frame = self._frame(step)
        if frame is None:
            return self.next()
        self._under_way = (self._count, step)
        return frame

    def answered(self, frame: str | bytes) -> bool:
        """Take a frame that is no market data; False: wait a while before :meth:`next`.

        Raises :class:`SubscriptionFailed` where a command is refused for good.
        """
        try:
            control = _decode(frame)
        except _READABLE:
            return True
        if self._under_way is None or control.id != self._under_way[0]:
            return True
        step = self._under_way[1]
        match control.type:
            case "subscribed":
                # One subscription of ours is of one channel, so there is one such answer to a command.
                self._subscribed(step, control)
            case "ok":
                self._under_way = None
                if step.action == "add_markets" and step.sid is not None:
                    self._sid_of |= dict.fromkeys(step.markets, step.sid)
            case "error":
                return self._refused(step, control)
            case "orderbook_snapshot" if step.action == "get_snapshot":
                self._under_way = None
            case _:
                pass
        return True

    def ask_again(self, markets: Iterable[str]) -> None:
        """Have these books sent whole, as far as they are subscribed."""
        by_sid: dict[int, list[str]] = {}
        waiting = {market for step in self._steps if step.action == "get_snapshot" for market in step.markets}
        for market in dict.fromkeys(markets):
            sid = self._sid_of.get(market)
            if sid is not None and market not in waiting:
                by_sid.setdefault(sid, []).append(market)
        for sid, listed in by_sid.items():
            self._steps.extend(_Step("get_snapshot", part, sid) for part in self._parts(listed))

    def change(self, markets: Iterable[str]) -> None:
        """From now on these are wanted."""
        wanted = dict.fromkeys(markets)
        gone = [market for market in self._wanted if market not in wanted]
        new = [market for market in wanted if market not in self._wanted]
        self._wanted = wanted
        by_sid: dict[int, list[str]] = {}
        for market in gone:
            sid = self._sid_of.pop(market, None)
            if sid is not None:
                by_sid.setdefault(sid, []).append(market)
        for sid, listed in by_sid.items():
            self._steps.extend(_Step("delete_markets", part, sid) for part in self._parts(listed))
        self._add(new)

    # -- inside ----------------------------------------------------------------------------------------------

    def _add(self, markets: Iterable[str]) -> None:
        self._steps.extend(_Step("add_markets", part) for part in self._parts(list(markets)))

    def _parts(self, markets: list[str]) -> list[tuple[str, ...]]:
        return [tuple(markets[start : start + self._batch]) for start in range(0, len(markets), self._batch)]

    def _frame(self, step: _Step) -> str | None:
        if step.action is None:
            return subscribe_lifecycle(self._count)
        # What is not wanted any more when its turn comes is not subscribed.
        if step.action == "add_markets":
            step.markets = tuple(market for market in step.markets if market in self._wanted)
            if not step.markets:
                return None
            step.sid = next((sid for sid in dict.fromkeys(self._sid_of.values()) if sid not in self._full), None)
            if step.sid is None:
                return subscribe_books(self._count, step.markets)
        assert step.sid is not None  # noqa: S101 -- only steps of a subscription that is there are made
        return update(self._count, step.sid, step.action, step.markets)

    def _subscribed(self, step: _Step, control: _Control) -> None:
        said = control.msg if isinstance(control.msg, dict) else {}
        sid = said.get("sid", control.sid)
        if not isinstance(sid, int):
            raise SubscriptionFailed("`subscribed` without its sid")
        self._under_way = None
        if said.get("channel", BOOKS) == BOOKS and step.action == "add_markets":
            self._sid_of |= dict.fromkeys(step.markets, sid)

    def _refused(self, step: _Step, control: _Control) -> bool:
        self._under_way = None
        said = control.msg if isinstance(control.msg, dict) else {}
        code = said.get("code")
        step.repeats += 1
        if step.repeats > MAX_REPEATS:
            raise SubscriptionFailed(f"refused {MAX_REPEATS} times with error {code}")
        if code in PATIENCE:
            self._steps.appendleft(step)
            return False
        if code == MARKET_LIMIT and step.action == "add_markets" and step.sid is not None:
            self._full.add(step.sid)
            self._steps.appendleft(step)
            return True
        raise SubscriptionFailed(
            f"{step.action or 'lifecycle'} refused with error {code}: {str(said.get('msg'))[:200]}"
        )
