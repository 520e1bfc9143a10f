"""What can be asked of Polymarket about markets and about our account, each answer whole or :class:`ReadFailed`."""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import quote

from market.fees import PolymarketFees
from transport.polymarket.rest import PolymarketRest, decoded
from transport.venue_rest import ReadFailed
from venues.polymarket.account import (
    BalanceAllowance,
    Order,
    Position,
    Trade,
    read_balance,
    read_order,
    read_orders,
    read_positions,
    read_time,
    read_trades,
)
from venues.polymarket.market import (
    MarketRules,
    MarketUnknown,
    left_out,
    read_condition,
    read_gamma_fees,
    read_market,
    read_neg_risk,
)
from venues.polymarket.replies import UNREADABLE

GAMMA: Final = "/markets/keyset"
PAGE: Final = 500
MAX_POSITIONS: Final = 50_000

Asset = Literal["COLLATERAL", "CONDITIONAL", "CONDITIONAL-V2"]


class PolymarketReads:
    """The reads over one :class:`PolymarketRest`; ``wallet`` is whose account it is."""

    def __init__(self, rest: PolymarketRest, wallet: str, signature_type: int) -> None:
        self.rest = rest
        self.wallet = wallet
        self.signature_type = signature_type

    async def time(self) -> int:
        """The venue's clock, unix seconds."""
        return await self.rest.read("/time", read_time)

    async def market(self, token: str) -> MarketRules:
        """What an order of this token must know. Raises :class:`ReadFailed`, also where something is missing in it."""
        asked = quote(token, safe="")
        condition = await self.rest.read(f"/markets-by-token/{asked}", read_condition)
        body = await self.rest.get(f"/clob-markets/{quote(condition, safe='')}")
        missing = decoded("/clob-markets", left_out, body)
        negative = await self.rest.read("/neg-risk", read_neg_risk, {"token_id": token}) if "nr" in missing else None
        try:
            fees = await self._gamma_fees(condition, token) if "fd" in missing else None
            return read_market(condition, token, body, neg_risk=negative, fees=fees)
        except MarketUnknown as error:
            raise ReadFailed(str(error)) from None
        except UNREADABLE as error:
            raise ReadFailed(f"the market of {token[:20]} cannot be read: {str(error)[:200]}") from None

    async def _gamma_fees(self, condition: str, token: str) -> PolymarketFees | None:
        body = await self.rest.get(GAMMA, {"clob_token_ids": token}, host=self.rest.hosts.gamma)
        return read_gamma_fees(condition, body)

    async def book(self, token: str) -> bytes:
        """The token's book, as it came."""
        return await self.rest.get("/book", {"token_id": token})

    async def order(self, order_id: str) -> Order | None:
        """One order by its id; None is what the venue also says of orders that did fill."""
        return await self.rest.read(f"/data/order/{quote(order_id, safe='')}", read_order, signed=True)

    async def open_orders(self) -> list[Order]:
        """Orders that rest in a book; of ours there are none, but a person may have some."""
        return await self.rest.every("/data/orders", read_orders)

    async def trades(self, token: str | None = None, *, after_s: int | None = None) -> list[Trade]:
        """Our trades, of one token or all, matched after that (unix seconds)."""
        asked: dict[str, str | int] = {}
        if token is not None:
            asked["asset_id"] = token
        if after_s is not None:
            asked["after"] = max(0, after_s)
        return await self.rest.every("/data/trades", read_trades, asked)

    async def balance(self, asset: Asset = "COLLATERAL", token: str | None = None) -> BalanceAllowance:
        """Balance and allowances of dollars, or of a token."""
        return await self.rest.read("/balance-allowance", read_balance, self._asset(asset, token), signed=True)

    async def refresh(self, asset: Asset, token: str | None = None) -> None:
        """Have the venue look at the chain again."""
        await self.rest.get("/balance-allowance/update", self._asset(asset, token), signed=True)

    async def positions(self) -> list[Position]:
        """What the data API says is held; it lags behind the chain."""
        found: list[Position] = []
        while len(found) < MAX_POSITIONS:
            asked: dict[str, str | int] = {"user": self.wallet, "sizeThreshold": 0, "limit": PAGE, "offset": len(found)}
            body = await self.rest.get("/positions", asked, host=self.rest.hosts.data)
            page = decoded("/positions", read_positions, body)
            found += page
            if len(page) < PAGE:
                return found
        raise ReadFailed(f"incomplete: more than {MAX_POSITIONS} positions")

    async def shares(self, rules: MarketRules, token: str) -> int:
        """Millionths of a share that the wallet has of a token, on the chain."""
        return (await self.balance(asset_of(rules), token)).amount

    def _asset(self, asset: Asset, token: str | None) -> dict[str, str | int]:
        asked: dict[str, str | int] = {"asset_type": asset, "signature_type": self.signature_type}
        return asked if token is None else asked | {"token_id": token}


def asset_of(rules: MarketRules) -> Asset:
    """How the venue calls tokens of such a market."""
    return "CONDITIONAL-V2" if rules.version == "v2" else "CONDITIONAL"
