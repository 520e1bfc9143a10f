"""`arb record polymarket` as a process, without a key, on a Polymarket of this very process; the file plays back."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from market.books import Books
from market.events import FeedBatch
from protocol.terms import POLYMARKET
from protocol.units import Price
from tests.cli.process import ARB, PATIENCE_S
from tests.ground.project import ROOT
from transport.feeds.capture_file import CaptureError, CaptureReader
from transport.polymarket_exchange.server import PolymarketServer
from venues.capture import CapturePlayer
from venues.polymarket.exchange.amounts import SHARE, Shares
from venues.polymarket.exchange.listing import Listing
from venues.polymarket.exchange.service import PolymarketService

YES, NO = "71", "52"
CHANGES = 5


async def recorded(file: Path, pairs: Path, home: Path) -> tuple[int | None, str, str, PolymarketServer]:
    listing = Listing(slug="rain", clob_token_ids=(YES, NO), bids=(("0.45", "100"),), asks=(("0.55", "100"),))
    server = PolymarketServer(PolymarketService((listing,)))
    await server.start()
    env = os.environ | {"ARB_HOME": str(home), "ARB_POLYMARKET_URL": server.hosts.clob}
    process = await asyncio.create_subprocess_exec(
        *ARB, "record", "polymarket", str(file), "--pairs", str(pairs), "--json",
        cwd=ROOT, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            async with server.followed:
                await server.followed.wait_for(lambda: any(one.session.follows for one in server.service.listeners))
            exchange = server.service.exchange
            market = exchange.by_token[YES]
            for number in range(CHANGES):
                size = Shares((50 + number) * SHARE)
                bids, asks = [(Price(4_600), size)], [(Price(5_400), size)]
                exchange.set_book(market, bids, asks, server.service.now_us(server.now_us()))
                server.flush()
            while b"price_change" not in _text(file):
                turn = asyncio.Event()
                asyncio.get_running_loop().call_later(0.05, turn.set)
                await turn.wait()
            process.terminate()
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await server.stop()
    return process.returncode, out.decode(), err.decode(), server


def _text(file: Path) -> bytes:
    try:
        return b"".join((line.frame or "").encode() for line in CaptureReader(file))
    except CaptureError:
        return b""


def test_what_comes_without_a_key_is_recorded_and_plays_back(arb_home: Path, tmp_path: Path) -> None:
    file, pairs = tmp_path / "polymarket.jsonl", tmp_path / "pairs.toml"
    pairs.write_text(f'[[pairs]]\npair_id = "rain"\npoly_yes_token = "{YES}"\npoly_no_token = "{NO}"\n')
    code, out, err, _ = asyncio.run(recorded(file, pairs, arb_home))
    assert (code, err) == (0, "")
    lines = list(CaptureReader(file))
    assert json.loads(out)["frames"] == sum(line.frame is not None for line in lines)
    assert (lines[0].event, lines[-1].event) == ("connected", "disconnected")
    books, player = Books(), CapturePlayer()
    found = [books.track(POLYMARKET, token) for token in (YES, NO)]
    for line in lines[:-1]:
        played = player.play(line)
        assert played.error is None
        if played.batch is not None:
            assert isinstance(played.batch, FeedBatch)
            books.apply(played.batch)
    assert [(book.best_bid, book.best_ask) for book in found] == [(4_600, 5_400)] * 2
