"""Whether orders may leave: the credentials, derived at the start and again where they are refused, and the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from transport.feeds.port import FeedClock
from transport.live import LiveVenueError
from transport.polymarket.access import PolymarketAccess
from transport.polymarket.auth import credentials_of
from transport.polymarket.official import OrderMaker, config_of
from transport.polymarket.policy import PortPolicy
from transport.polymarket.reads import PolymarketReads
from transport.polymarket.rest import PolymarketRest, ReadFailed
from transport.polymarket.wire import PolymarketWire
from venues.polymarket.replies import UNAUTHORIZED, WALLET_FIX, WRONG_MAKER
from venues.polymarket.signing import ApiCredentials

REFUSED_KEY: Final = frozenset({401, 403})
TIMESTAMP: Final = "timestamp"
"""In the words of a refusal that is about the time, and not about the key."""

RESTARTING: Final = frozenset({425, 503})
"""The engine restarts (425), or only takes cancels (503)."""

PAUSE_S: Final = 5.0
MOST_PAUSE_S: Final = 120.0

FOR_GOOD: Final = {
    WRONG_MAKER: f"wallet: {WALLET_FIX}",
    "closed only": "account: it may only close: see polymarket.com",
    "restricted": "place: polymarket does not serve it",
}
"""Refusals that hold for every order, by what is in the venue's words; a person must mend it and start again."""


class KeyRefusedByVenue(LiveVenueError):
    """Polymarket gives this key no credentials; a person must mend it."""


class Session:
    """Who we are there. ``stopped`` says why no order leaves; ``changed`` is called when that may be another."""

    def __init__(
        self,
        found: PolymarketAccess,
        rest: PolymarketRest,
        wire: PolymarketWire,
        clock: FeedClock,
        *,
        policy: PortPolicy,
        report: Callable[[str], None],
        secret: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``secret`` hears of each text that no log may show."""
        self._found = found
        self._rest = rest
        self._wire = wire
        self._clock = clock
        self._policy = policy
        self._report = report
        self._secret = secret
        self.reads = PolymarketReads(rest, found.wallet.address, found.wallet.signature_type)
        self.maker: OrderMaker | None = None
        self.changed: Callable[[], None] = lambda: None
        self.prepare: Callable[[], Awaitable[None]] | None = None
        """Awaited before orders may leave for the first time, and again after each time that they could not."""
        self._refused: str | None = "credentials: polymarket has not been reached yet"
        self._for_good: str | None = None
        self._paused_until_us = 0
        self._pause: asyncio.TimerHandle | None = None

    @property
    def stopped(self) -> str | None:
        """Why no order leaves; None where one may."""
        if self._for_good is not None:
            return self._for_good
        if self._clock.mono_us() < self._paused_until_us:
            return "engine: polymarket restarts and takes no orders now"
        return self._refused

    async def begin(self) -> None:
        """Derive the credentials. Raises :class:`KeyRefusedByVenue`, and :class:`ReadFailed` for an outage.

        A clock that is off is one: it is mended without us, and :meth:`keep` goes on asking.
        """
        try:
            await self._derive()
        except ReadFailed as error:
            self._refused = _why(error)
            if error.status in REFUSED_KEY and not _about_time(error):
                raise KeyRefusedByVenue(
                    f"polymarket gives this key no credentials: {error}; see `arb doctor polymarket`"
                ) from None
            raise

    async def keep(self) -> None:
        """Until cancelled: where the credentials are refused, derive them anew until they are taken."""
        while True:
            await asyncio.sleep(self._policy.again_s)
            if self._refused is None:
                continue
            try:
                await self._derive()
                await self.reads.open_orders()
            except ReadFailed as error:
                self._refused = _why(error)
                self.changed()
                continue
            self._report("polymarket takes our credentials: orders may leave")
            self.changed()

    def close(self) -> None:
        """Nothing more is said."""
        self.changed = lambda: None
        if self._pause is not None:
            self._pause.cancel()

    async def _derive(self) -> None:
        chain = config_of(self._found.hosts).chain_id
        credentials = await credentials_of(self._rest, self._found.key, chain, self._clock.unix_us() // 1_000_000)
        if self.prepare is not None:
            await self.prepare()
        self._take(credentials)

    def _take(self, credentials: ApiCredentials) -> None:
        for text in (credentials.key, credentials.secret, credentials.passphrase):
            self._secret(text)
        if self.maker is None or self._rest.credentials != credentials:
            self.maker = OrderMaker(self._found.key, self._found.wallet, credentials, self._found.hosts)
        self._rest.credentials = self._wire.credentials = credentials
        self._refused = None
        self.changed()

    # -- what answers say of more than one order ---------------------------------------------------------------

    def heard(self, status: int, headers: Mapping[str, str], words: str | None) -> None:
        """The answer to an order."""
        small = (words or "").lower()
        if status == UNAUTHORIZED:
            self._refuse()
        elif status in RESTARTING:
            self._wait(headers.get("retry-after", ""))
        else:
            why = next((why for part, why in FOR_GOOD.items() if part in small), None)
            if why is not None and self._for_good is None:
                self._for_good = why
                self._report(f"no order leaves any more: {why}")
                self.changed()

    def doubt(self, error: ReadFailed) -> None:
        """A read that was refused for its signature says that orders will be, too."""
        if error.status == UNAUTHORIZED:
            self._refuse()

    def _refuse(self) -> None:
        if self._refused is None:
            self._refused = "credentials: polymarket does not take them any more; they are derived anew"
            self._report(f"no order leaves any more: {self._refused}")
            self.changed()

    def _wait(self, retry_after: str) -> None:
        seconds = min(float(retry_after), MOST_PAUSE_S) if retry_after.isdecimal() else PAUSE_S
        self._paused_until_us = self._clock.mono_us() + int(seconds * 1_000_000)
        if self._pause is not None:
            self._pause.cancel()
        self._pause = asyncio.get_running_loop().call_later(seconds + 0.001, self.changed)
        self._report(f"polymarket restarts: no order leaves for {seconds:g} s")
        self.changed()


def _about_time(error: ReadFailed) -> bool:
    return error.status in REFUSED_KEY and TIMESTAMP in str(error).lower()


def _why(error: ReadFailed) -> str:
    if _about_time(error):
        return f"clock: polymarket refuses our time ({error}): set this machine's clock by NTP"
    return f"credentials: {error}"
