"""One WebSocket connection: commands in, frames out. Faults that are meant for frames strike here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from venues.kalshi.exchange import frames
from venues.kalshi.exchange.account import Account
from venues.kalshi.exchange.buckets import bucket
from venues.kalshi.exchange.command import COMMANDS, MAX_COMMAND, Command, Params
from venues.kalshi.exchange.events import (
    Event,
    Filled,
    LevelMoved,
    Lifecycle,
    OrderChanged,
    PositionChanged,
    TopMoved,
    Traded,
)
from venues.kalshi.exchange.exchange import KalshiExchange
from venues.kalshi.exchange.faults import Faults
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.subscription import CHANNELS, SEQUENCED, UNFILTERED, Subscription
from venues.kalshi.exchange.tape import Recorded
from venues.kalshi.exchange.texts import MILLISECOND_US
from venues.loopback.session import Session as LoopbackSession

DEFAULT_MOST_MARKETS: Final = 100_000
"""Markets of one subscription. Kalshi does not say its own figure."""

DEFAULT_COMMANDS_A_SECOND: Final = 100

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


class Session(LoopbackSession[Event, Recorded]):
    """What one connection is subscribed to. ``broken`` is set when a fault asks for the connection to break."""

    def __init__(
        self,
        exchange: KalshiExchange,
        account: Account,
        faults: Faults,
        *,
        most_markets: int = DEFAULT_MOST_MARKETS,
        commands_a_second: int = DEFAULT_COMMANDS_A_SECOND,
    ) -> None:
        super().__init__()
        self.account = account
        self._exchange = exchange
        self._faults = faults
        self._most_markets = most_markets
        self._commands = bucket(commands_a_second)
        self._subscriptions: dict[int, Subscription] = {}
        self._last_sid = 0

    # -- commands ------------------------------------------------------------------------------------------------

    def command(self, text: str | bytes, now_us: int) -> list[str]:
        """The frames that a command brings. Never raises for what it holds."""
        try:
            if len(text) > MAX_COMMAND:
                raise msgspec.DecodeError("too long")
            command = COMMANDS.decode(text)
        except _UNREADABLE:
            self._error(0, 1, now_us)
            return self._taken()
        if not self._commands.take(1, now_us):
            self._error(command.id, 27, now_us)
        elif self._faults.socket("slow_command") is not None:
            self._error(command.id, 18, now_us)
        else:
            self._obey(command, now_us)
        return self._taken()

    def _obey(self, command: Command, now_us: int) -> None:
        params = command.params
        if command.cmd == "list_subscriptions":
            listed = [{"channel": one.channel, "sid": one.sid} for one in self._subscriptions.values()]
            self._answer({"type": "ok", "msg": listed}, command.id, now_us)
        elif command.cmd not in {"subscribe", "unsubscribe", "update_subscription"}:
            self._error(command.id, 5, now_us)
        elif params is None:
            self._error(command.id, 2, now_us)
        elif command.cmd == "subscribe":
            self._subscribe(command.id, params, now_us)
        elif command.cmd == "unsubscribe":
            self._unsubscribe(command.id, params, now_us)
        else:
            self._update(command.id, params, now_us)

    def _subscribe(self, command_id: int, params: Params, now_us: int) -> None:
        tickers = params.tickers(self._exchange.markets)
        problem = self._subscribing(params, tickers)
        if problem is not None:
            self._error(command_id, problem, now_us)
            return
        for channel in dict.fromkeys(params.channels or ()):
            self._last_sid += 1
            chosen = None if tickers is None or channel in UNFILTERED else dict.fromkeys(tickers)
            one = Subscription(self._last_sid, channel, chosen, params.use_yes_price, params.skip_ticker_ack)
            self._subscriptions[one.sid] = one
            msg = {"channel": channel, "sid": one.sid}
            self._answer({"type": "subscribed", "msg": msg}, command_id, now_us)
            self._initial(one, list(chosen or ()), params, now_us)

    def _subscribing(self, params: Params, tickers: list[str] | None) -> int | None:
        """What is wrong with it, as an error code."""
        if not params.channels:
            return 3
        if any(channel not in CHANNELS for channel in params.channels):
            return 8
        if "orderbook_delta" in params.channels and (tickers is None or params.market_id or params.market_ids):
            return 14
        if tickers is not None and len(tickers) > self._most_markets:
            return 26
        return None

    def _initial(self, one: Subscription, tickers: list[str], params: Params, now_us: int) -> None:
        """What a subscription, or one that got more markets, begins with."""
        if one.channel == "orderbook_delta":
            self._snapshots(one, tickers, now_us)
        elif one.channel == "ticker" and params.send_initial_snapshot:
            for market in self._known(tickers):
                self._ticker(one, market, now_us)

    def _snapshots(self, one: Subscription, tickers: list[str], now_us: int, command_id: int = 0) -> None:
        for market in self._known(tickers):
            # A market whose clock stands at 0 waits for its recording to begin.
            if market.clock:
                msg = frames.snapshot(market, yes_price=one.yes_price)
                self._data(one, "orderbook_snapshot", msg, market.ticker, now_us, command_id)

    def _known(self, tickers: list[str]) -> list[Market]:
        markets = self._exchange.markets
        return [markets[ticker] for ticker in tickers if ticker in markets]

    def _unsubscribe(self, command_id: int, params: Params, now_us: int) -> None:
        if not params.sids:
            self._error(command_id, 4, now_us)
            return
        for sid in params.sids:
            one = self._subscriptions.pop(sid, None)
            if one is None:
                self._error(command_id, 7, now_us)
            else:
                self._answer({"type": "unsubscribed", "sid": sid, "seq": one.count()}, command_id, now_us)

    def _update(self, command_id: int, params: Params, now_us: int) -> None:
        sids = [params.sid] if params.sid is not None and params.sids is None else params.sids or []
        if len(sids) != 1 or (params.sid is not None and params.sids is not None):
            self._error(command_id, 12, now_us)
            return
        one = self._subscriptions.get(sids[0] or 0)
        if one is None:
            self._error(command_id, 7, now_us)
            return
        tickers = params.tickers(self._exchange.markets)
        problem = self._updating(one, params, tickers)
        if problem is not None:
            self._error(command_id, problem, now_us, one)
        elif params.action == "get_snapshot":
            self._snapshots(one, tickers or [], now_us, command_id)
        else:
            self._changed(one, params, tickers or [], command_id, now_us)

    def _updating(self, one: Subscription, params: Params, tickers: list[str] | None) -> int | None:
        """What is wrong with it, as an error code."""
        if params.action is None:
            return 15
        if params.action not in {"add_markets", "delete_markets", "get_snapshot"} or one.channel in UNFILTERED:
            return 13
        if params.action == "get_snapshot" and one.channel != "orderbook_delta":
            return 13
        if not tickers:
            return 14
        if params.action == "add_markets" and len({*(one.tickers or ()), *tickers}) > self._most_markets:
            return 26
        return None

    def _changed(self, one: Subscription, params: Params, tickers: list[str], command_id: int, now_us: int) -> None:
        """Markets are added or taken away."""
        before = dict(one.tickers or {})
        if params.action == "add_markets":
            one.tickers = before | dict.fromkeys(tickers)
        else:
            one.tickers = {ticker: None for ticker in before if ticker not in tickers}
        msg = {} if one.quiet_acks else {"market_tickers": list(one.tickers)}
        self._answer({"type": "ok", "sid": one.sid, "seq": one.count(), "msg": msg}, command_id, now_us)
        if params.action == "add_markets":
            self._initial(one, [ticker for ticker in tickers if ticker not in before], params, now_us)

    # -- data ----------------------------------------------------------------------------------------------------

    def hear(self, event: Event, now_us: int) -> list[str]:
        """The frames that something on the exchange brings."""
        for one in tuple(self._subscriptions.values()):
            self._hear(one, event, now_us)
        return self._taken()

    def play(self, recorded: Recorded, now_us: int) -> list[str]:
        """A recorded frame to whoever follows its market: word for word where the numbers are the same."""
        for one in tuple(self._subscriptions.values()):
            if one.channel == recorded.channel:
                step = recorded.step_after(one.recorded)
                one.recorded = recorded.seq
                if not one.wants(recorded.ticker):
                    one.seq += step - 1
                    continue
                self._recorded(one, recorded, step, now_us)
        return self._taken()

    @property
    def follows(self) -> bool:
        """Whether it is subscribed to any book."""
        return any(one.channel == "orderbook_delta" and one.tickers for one in self._subscriptions.values())

    def overflow(self, now_us: int) -> list[str]:
        """Error 25 for everything: the connection was too slow."""
        for one in tuple(self._subscriptions.values()):
            self._end(one, 25, now_us)
        return self._taken()

    def _hear(self, one: Subscription, event: Event, now_us: int) -> None:
        mine = self.account
        match one.channel, event:
            case "orderbook_delta", LevelMoved(market=market) if one.wants(market.ticker):
                msg = frames.delta(event, mine.user_id, now_us, yes_price=one.yes_price)
                self._data(one, "orderbook_delta", msg, market.ticker, now_us)
            case "trade", Traded(fill=fill) if one.wants(fill.ticker):
                self._data(one, "trade", frames.trade(fill), fill.ticker, now_us)
            case "ticker", TopMoved(market=market) if one.wants(market.ticker):
                self._ticker(one, market, now_us)
            case "fill", Filled(account=account, fill=fill) if account is mine and one.wants(fill.ticker):
                self._data(one, "fill", frames.fill(fill), fill.ticker, now_us)
            case "user_orders", OrderChanged(account=account, order=order) if account is mine and one.wants(
                order.ticker
            ):
                self._data(one, "user_order", frames.user_order(order), order.ticker, now_us)
            case "market_positions", PositionChanged(account=account, market=market) if account is mine and one.wants(
                market.ticker
            ):
                self._data(one, "market_position", frames.position(event), market.ticker, now_us)
            case "market_lifecycle_v2", Lifecycle(type=kind, msg=msg):
                self._data(one, kind, msg, str(msg.get("market_ticker", "")), now_us)
            case _:
                return

    def _ticker(self, one: Subscription, market: Market, now_us: int) -> None:
        msg = frames.ticker(market, now_us)
        said = tuple(value for key, value in msg.items() if key not in {"ts", "ts_ms", "time"})
        if one.told.get(market.ticker) != said:
            one.told[market.ticker] = said
            self._data(one, "ticker", msg, market.ticker, now_us)

    def _recorded(self, one: Subscription, recorded: Recorded, step: int, now_us: int) -> None:
        numbered = one.channel in SEQUENCED and recorded.seq is not None
        seq = one.count(step) if numbered else None
        same = recorded.sid == one.sid and recorded.seq == seq
        text = recorded.text if same else recorded.renumbered(one.sid, seq)
        self._send(one, text, recorded.ticker, now_us)

    def _data(
        self, one: Subscription, kind: str, msg: Mapping[str, Any], ticker: str, now_us: int, command_id: int = 0
    ) -> None:
        frame: dict[str, Any] = {"type": kind, "sid": one.sid}
        if command_id:
            frame["id"] = command_id
        if one.channel in SEQUENCED:
            frame["seq"] = one.count()
        frame |= {"msg": msg, "sending_ts_ms": now_us // MILLISECOND_US}
        self._send(one, _ENCODER.encode(frame).decode(), ticker, now_us)

    def _send(self, one: Subscription, text: str, ticker: str, now_us: int) -> None:
        struck = self._faults.frame(one.channel, ticker)
        if "gap" in struck or "silent" in struck:
            return
        if "socket_drop" in struck:
            self.broken = True
        elif "channel_error" in struck or "buffer_overflow" in struck:
            self._end(one, 10 if "channel_error" in struck else 25, now_us)
        else:
            self._out.append(text[: len(text) // 2] if "garbled_frame" in struck else text)
            if "duplicate" in struck:
                self._out.append(text)

    def _end(self, one: Subscription, code: int, now_us: int) -> None:
        if self._subscriptions.pop(one.sid, None) is not None:
            self._error(0, code, now_us, one)

    # -- out -----------------------------------------------------------------------------------------------------

    def _error(self, command_id: int, code: int, now_us: int, one: Subscription | None = None) -> None:
        frame: dict[str, Any] = {"type": "error", "msg": {"code": code, "msg": frames.ERRORS[code]}}
        if one is not None:
            frame["sid"] = one.sid
            if one.channel in SEQUENCED:
                frame["seq"] = one.count()
        self._answer(frame, command_id, now_us)

    def _answer(self, frame: dict[str, Any], command_id: int, now_us: int) -> None:
        named = {"id": command_id, **frame} if command_id else frame
        self._out.append(_ENCODER.encode(named | {"sending_ts_ms": now_us // MILLISECOND_US}).decode())
