"""The trader's end of the link: finds the controller, connects, and comes back by itself for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidURI
from websockets.frames import CloseCode
from websockets.uri import WebSocketURI, parse_uri

from transport.link.address import show_address, show_peer
from transport.link.backoff import backoff, patience
from transport.link.callbacks import LinkCallbacks
from transport.link.end import LIBRARY_LOG, ClientEnd, LinkEnd
from transport.link.failure import EXPECTED, Failure, explain_failure
from transport.link.links import Links
from transport.link.policy import ClientPolicy


class LinkClient:
    """A WebSocket client of plain callbacks that holds one connection at a time and renews it.

    ``next_url()`` is asked before every attempt and may wait as long as it likes (for a beacon).
    ``on_failure(reason, attempt, delay)`` hears of every attempt that opened nothing: the how many-eth in a row,
    and the seconds until the next. ``rng`` spreads the attempts and ``sleep`` waits between them.
    """

    def __init__(
        self,
        policy: ClientPolicy,
        callbacks: LinkCallbacks,
        *,
        next_url: Callable[[], Awaitable[str]],
        on_failure: Callable[[str, int, float], None],
        rng: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._policy = policy
        self._next_url = next_url
        self._on_failure = on_failure
        self._rng = rng
        self._sleep = sleep
        self._links = Links(callbacks, policy)
        self._failed = 0  # attempts in a row that brought no good connection
        self._was_good = False  # the connection of this attempt
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Connect, carry, and connect again, until cancelled or :meth:`stop`. A connection that is open is then cut.

        Raises only what ``next_url`` or ``sleep`` raise.
        """
        if self._task is not None:
            raise RuntimeError("the client was run before")
        if self._is_stopping:
            return
        self._task = asyncio.ensure_future(self._connect_for_ever())
        try:
            await asyncio.wait([self._task])
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    async def stop(self) -> None:
        """Say goodbye (1001), wait for the answer for at most ``close_s``, and make :meth:`run` return. Idempotent."""
        self._is_stopping = True
        if self._task is None:
            return
        for conn_id in self._links.open_ids:
            self._links.close(conn_id, CloseCode.GOING_AWAY, "the trader stops")
        if self._links.open_ids:
            await asyncio.wait([self._task], timeout=self._policy.close_s * 2)
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._links.settle()

    @property
    def open_ids(self) -> tuple[int, ...]:
        """The connection that is open now, if there is one."""
        return self._links.open_ids

    def welcomed(self) -> None:
        """The other end has shown itself to be a controller: the next attempt, if one is needed, is quick again."""
        self._was_good = True

    def send(self, conn_id: int, text: str) -> bool:
        """See :meth:`Links.send`."""
        return self._links.send(conn_id, text)

    def close(self, conn_id: int, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """See :meth:`Links.close`."""
        self._links.close(conn_id, code, reason)

    def drop(self, conn_id: int, reason: str) -> None:
        """See :meth:`Links.drop`."""
        self._links.drop(conn_id, reason)

    async def drain(self, conn_id: int, within: float) -> bool:
        """See :meth:`Links.drain`."""
        return await self._links.drain(conn_id, within)

    # Watch: what our end tells us of its life.

    def made(self, end: LinkEnd) -> None:
        """A TCP connection is up."""

    def parting(self, end: LinkEnd) -> None:
        """The peer began the end."""
        self._links.parting(end)

    def lost(self, end: LinkEnd) -> None:
        """A TCP connection is gone."""

    async def _connect_for_ever(self) -> None:
        while True:
            self._was_good = False
            failure = await self._attempt(await self._next_url())
            if self._is_stopping:
                return
            if self._was_good:
                self._failed = 0
            delay = self._delay(failure)
            if not self._was_good:
                self._failed += 1
            if failure is not None:
                self._on_failure(failure.reason, self._failed, delay)
            await self._sleep(delay)

    def _delay(self, failure: Failure | None) -> float:
        cap = self._policy.backoff_cap_s
        if failure is not None and failure.is_refusal:
            return patience(self._rng, cap=cap)
        return backoff(self._failed, self._rng, base=self._policy.backoff_base_s, cap=cap)

    async def _attempt(self, url: str) -> Failure | None:
        """One connection from beginning to end; the reason when it did not open."""
        loop = asyncio.get_running_loop()
        try:
            address = _parse(url)
        except InvalidURI as error:
            return explain_failure(error)
        try:
            end = await self._open(url, address)
        except EXPECTED as error:
            failure = explain_failure(error)
            return Failure(f"{show_address(address.host, address.port)}: {failure.reason}", failure.is_refusal)
        opened_at = loop.time()
        try:
            await self._links.carry(end, show_peer(end.remote_address))
        finally:
            end.cut()
        if loop.time() - opened_at >= self._policy.steady_s:
            self._was_good = True
        return None

    async def _open(self, url: str, address: WebSocketURI) -> ClientEnd:
        policy = self._policy
        connection = await connect(
            url,
            # Named here although the URL has them: then the library follows no redirect to another machine, which
            # would be shown our token.
            host=address.host,
            port=address.port,
            ssl=(policy.ssl or True) if address.secure else None,
            additional_headers={} if policy.token is None else {"Authorization": f"Bearer {policy.token}"},
            user_agent_header=None,
            proxy=None,  # the environment's proxy is for browsing, and would see every order
            compression=None,
            open_timeout=policy.handshake_s,
            close_timeout=policy.close_s,
            ping_interval=None,
            max_size=policy.max_frame_bytes,
            max_queue=policy.max_queued_frames,
            logger=LIBRARY_LOG,
            create_connection=cast("type[ClientConnection]", partial(ClientEnd, watch=self)),
        )
        return cast("ClientEnd", connection)


def _parse(url: str) -> WebSocketURI:
    """Raises InvalidURI. Credentials inside a URL are refused: they end up in logs and process lists."""
    try:
        address = parse_uri(url)
    except ValueError as error:  # a port that is no number, brackets that do not close
        raise InvalidURI(url, str(error)) from error
    if address.username is not None:
        raise InvalidURI(url, "credentials in the URL; set the token instead")
    return address
