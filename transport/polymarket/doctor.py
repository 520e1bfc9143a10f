"""What trading on Polymarket needs, tried one after the other without any order; each trouble with its fix."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from protocol.units import Money, UnitError, price_to_cents, show_money
from transport.feeds.port import FeedClock
from transport.kalshi.doctor import Check, State
from transport.polymarket.access import KINDS, PolymarketAccess
from transport.polymarket.auth import credentials_of
from transport.polymarket.official import config_of, wallets_of
from transport.polymarket.reads import GAMMA, PolymarketReads
from transport.polymarket.rest import PolymarketRest, decoded
from transport.venue_rest import ReadFailed
from venues.polymarket.account import BalanceAllowance
from venues.polymarket.facts import read_gamma
from venues.polymarket.replies import WALLET_FIX

CLOCK_S: Final = 2
"""Clocks that differ by more are worth mending: what is signed says when."""

MOST_ALLOWED: Final = Money(10**15)
"""A billion dollars: more is as good as no limit."""

_NTP: Final = "set this machine's clock: turn on NTP (timedatectl set-ntp true)"
_NETWORK: Final = "check the network, and polymarket.url in the configuration; polymarket does not serve every country"
_KEY: Final = "log in at polymarket.com with this wallet once; the key must be the one that signs there"
_APPROVE: Final = (
    "approve it: trade once by hand at polymarket.com with this wallet, on a market of this kind; arb sends no "
    "approval by itself"
)
_PAY_IN: Final = "pay in at polymarket.com: the money must be pUSD of this wallet"


class _Level(msgspec.Struct, gc=False):
    price: str
    size: str


class _Book(msgspec.Struct, gc=False):
    bids: list[_Level]
    asks: list[_Level]


class _ClosedOnly(msgspec.Struct, gc=False):
    closed_only: bool


_book: Final = msgspec.json.Decoder(_Book)
_closed_only: Final = msgspec.json.Decoder(_ClosedOnly)


class Doctor:
    """Examines one wallet. Every check is made, whatever the others found, unless it needs what failed."""

    def __init__(
        self, found: PolymarketAccess, rest: PolymarketRest, clock: FeedClock, *, token: str | None = None
    ) -> None:
        self._found = found
        self._rest = rest
        self._clock = clock
        self._token = token
        self._reads = PolymarketReads(rest, found.wallet.address, found.wallet.signature_type)

    async def examine(self) -> list[Check]:
        """All checks, in the order in which they are to be read."""
        checks = [self._wallet(), await self._tried("exchange", self._exchange, _NETWORK)]
        signed = await self._tried("credentials", self._credentials, _KEY)
        checks.append(signed)
        if signed.state is State.FAILED:
            unasked = "not asked: there are no credentials"
            checks.append(Check(name="account", state=State.SKIPPED, text=unasked))
            checks.append(Check(name="balance", state=State.SKIPPED, text=unasked))
        else:
            checks.append(await self._tried("account", self._account, WALLET_FIX))
            checks += await self._money()
        checks.append(await self._tried("market", self._market, "name another market: --market TOKEN"))
        return checks

    async def _tried(self, name: str, check: Callable[[], Awaitable[Check]], fix: str) -> Check:
        try:
            return await check()
        except ReadFailed as error:
            return Check(name=name, state=State.FAILED, text=str(error), fix=fix)
        except UnitError as error:
            return Check(
                name=name, state=State.FAILED, text=f"polymarket told an amount that is none: {error}", fix=fix
            )

    def _wallet(self) -> Check:
        wallet, signer = self._found.wallet, self._found.key.address
        others = ", ".join(
            f"{kind} {addresses[0]}" for kind, addresses in wallets_of(signer).items() if kind != wallet.kind
        )
        text = f"{wallet.address}, {wallet.kind}: {KINDS[wallet.kind]}; signed by {signer} (its others: {others})"
        return Check(name="wallet", state=State.OK, text=text)

    async def _exchange(self) -> Check:
        theirs, ours = await self._reads.time(), self._clock.unix_us() // 1_000_000
        if abs(theirs - ours) > CLOCK_S:
            text = f"reached; this machine's clock is {abs(theirs - ours)} s off"
            return Check(name="exchange", state=State.FAILED, text=text, fix=_NTP)
        return Check(name="exchange", state=State.OK, text=f"reached; {self._rest.offset}")

    async def _credentials(self) -> Check:
        chain = config_of(self._found.hosts).chain_id
        now_s = self._clock.unix_us() // 1_000_000
        self._rest.credentials = await credentials_of(self._rest, self._found.key, chain, now_s)
        resting = await self._reads.open_orders()
        return Check(name="credentials", state=State.OK, text=f"derived and taken; {len(resting)} orders are open")

    async def _account(self) -> Check:
        body = await self._rest.get("/auth/ban-status/closed-only", signed=True)
        if decoded("/auth/ban-status/closed-only", _closed_only.decode, body).closed_only:
            fix = "ask polymarket's support; what is held can be sold"
            return Check(name="account", state=State.FAILED, text="it may only close, and open nothing", fix=fix)
        return Check(name="account", state=State.OK, text="it may trade")

    async def _money(self) -> list[Check]:
        try:
            found = await self._reads.balance()
        except ReadFailed as error:
            return [Check(name="balance", state=State.FAILED, text=str(error), fix=_NETWORK)]
        cash = Money(found.amount)
        config = config_of(self._found.hosts)
        contracts = {
            "standard": config.standard_exchange,
            "neg-risk": config.neg_risk_exchange,
            "v3": config.exchange_v3,
        }
        state, fix = (State.OK, None) if cash > 0 else (State.WARNING, _PAY_IN)
        balance = Check(name="balance", state=state, text=f"{show_money(cash)} on the chain", fix=fix)
        return [balance, *(_allowance(kind, contract, found) for kind, contract in contracts.items())]

    async def _market(self) -> Check:
        token = self._token or await self._some_token()
        if token is None:
            fix = "name one: --market TOKEN"
            return Check(name="market", state=State.WARNING, text="no market is open", fix=fix)
        rules = await self._reads.market(token)
        book = decoded("/book", _book.decode, await self._reads.book(token))
        bid, ask = (f"{side[-1].size} at {side[-1].price}" if side else "none" for side in (book.bids, book.asks))
        text = f"{token[:12]}… ({rules.exchange}, tick {price_to_cents(rules.tick)}c): best bid {bid}, best ask {ask}"
        if not rules.accepting:
            return Check(name="market", state=State.WARNING, text=text, fix="it takes no orders: name another one")
        return Check(name="market", state=State.OK, text=text)

    async def _some_token(self) -> str | None:
        body = await self._rest.get(GAMMA, {"closed": "false", "limit": 20}, host=self._rest.hosts.gamma)
        listed = decoded(GAMMA, read_gamma, body)
        return next((facts.tokens[0] for facts in listed if facts.tokens and facts.closed is None), None)


def _allowance(kind: str, contract: str, found: BalanceAllowance) -> Check:
    """Whether the contract may take what an order offers."""
    name, allowed = f"allowance {kind}", found.allowed(contract)
    if allowed <= 0:
        text = f"{contract} may take nothing: orders on {kind} markets answer `not enough balance / allowance`"
        return Check(name=name, state=State.WARNING, text=text, fix=_APPROVE)
    if allowed < found.amount:
        text = f"{contract} may take {show_money(Money(allowed))} of {show_money(Money(found.amount))}"
        return Check(name=name, state=State.WARNING, text=text, fix=_APPROVE)
    most = "all" if allowed >= MOST_ALLOWED else show_money(Money(allowed))
    return Check(name=name, state=State.OK, text=f"{contract} may take {most}")
