"""Whatever traders say and unsay: no trade for money begins in a market that a stating path has not stated ready."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.pair import Pair
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET
from simulation.boxes import ControllerBox
from tests.market.builders import kalshi, pair, poly

PAIRS = [pair(number) for number in range(4)]


def markets(platform: str) -> list[str]:
    if platform == KALSHI:
        return [str(one.kalshi_market_ticker) for one in PAIRS]
    return [str(token) for one in PAIRS for token in (one.poly_yes_token, one.poly_no_token)]


class Play:
    """A controller and its traders. ``ready``: what the one that is there has stated, None where it states nothing."""

    def __init__(self, box: ControllerBox, chance: Random) -> None:
        self.box, self.chance = box, chance
        self.conn = 0
        self.ready: dict[str, set[str] | None] = {}
        self.seen = 0
        self.answered: set[int] = set()
        self.told: Counter[str] = Counter()
        self.connect()

    def connect(self) -> None:
        if self.conn:
            self.box.disconnect(self.conn)
        self.conn, self.seen = self.conn + 1, 0
        stating = [platform for platform in PLATFORMS if self.chance.random() < 0.8]
        words: dict[str, Any] = {"protocol": 2, "trader_id": self.chance.choice("ab"), "markets": stating}
        self.box.say_hello(self.conn, **words)
        self.ready = {platform: set() if platform in stating else None for platform in PLATFORMS}

    def say(self) -> None:
        platform = self.chance.choice(PLATFORMS)
        out = [one for one in self.box.frames(self.conn, "markets_query") if one["platform"] == platform]
        right = out[-1]["number"] if out else 0
        number = self.chance.choice([right, right, 0, right + 1_000])
        ready = [market for market in markets(platform) if self.chance.random() < 0.5]
        unready = [market for market in markets(platform) if market not in ready and self.chance.random() < 0.5]
        known = self.ready[platform]
        if known is not None and (number == 0 or (number == right and number not in self.answered)):
            known |= set(ready)
            known -= set(unready)
        told = [[market, "closed"] for market in unready]
        fields = {"type": "markets", "number": number, "platform": platform, "ready": ready, "unready": told}
        self.answered.add(number)
        self.box.receive(self.conn, fields)

    def offer(self) -> None:
        number, size = self.chance.randrange(len(PAIRS)), self.chance.randint(3, 30)
        one: Pair = PAIRS[number]
        self.box.feed(kalshi([(40, 10)], [(45, size)], market=str(one.kalshi_market_ticker)))
        self.box.feed(poly(str(one.poly_no_token), [(40, 10)], [(45, size)]))

    def check(self) -> None:
        legs = self.box.frames(self.conn, "execute_leg")
        for leg in legs[self.seen :]:
            market = leg.get("kalshi_market_ticker") or leg["poly_token"]
            known = self.ready[leg["platform"]]
            assert known is None or market in known, f"{market} was not stated ready"
            self.told["held to" if known is not None else "free"] += 1
        self.seen = len(legs)

    def run(self, steps: int) -> Counter[str]:
        for _ in range(steps):
            draw = self.chance.random()
            if draw < 0.05:
                self.connect()
            elif draw < 0.5:
                self.say()
            elif draw < 0.6:
                self.box.pass_time(1)
            else:
                self.offer()
            self.check()
        refused = self.box.status()["risk"]["refused"]
        return self.told + Counter({"refused": sum(refused.values())})


def play(chance: Random, steps: int) -> Counter[str]:
    with ControllerBox(PAIRS, dry_run=False) as box:
        return Play(box, chance).run(steps)


@given(chance=st.randoms(use_true_random=False))
def test_no_trade_begins_in_a_market_that_was_not_stated_ready(chance: Random) -> None:
    play(chance, 20)


@pytest.mark.parametrize("seed", range(4))
def test_a_long_play_trades_and_refuses(seed: int) -> None:
    told = play(Random(seed), 80)
    assert told["refused"]
    assert told["held to"]


def test_markets_of_both_platforms_are_played() -> None:
    assert (len(markets(KALSHI)), len(markets(POLYMARKET))) == (4, 8)
