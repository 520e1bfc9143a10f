"""Every sum that :class:`~actors.risk.exposure.Exposure` carries along, added up from its legs anew."""

from __future__ import annotations

from collections import Counter
from typing import Any

from actors.risk.exposure import PAYOUT, Exposure, LegMoney, PoolKey
from protocol.terms import PairId, Side


def the_sums_are_those_of_the_legs(exposure: Exposure) -> None:
    """Raises :class:`AssertionError` where a sum is not what its legs come to."""
    legs = list(exposure.legs.values())
    lanes = {(leg.key.pair_id, leg.key.platform) for leg in legs} | set(exposure._lanes)
    payers = {lane: exposure.lane(*lane).payers for lane in lanes}
    expected: Counter[Any] = Counter()
    for leg in legs:
        expected.update(dict.fromkeys(payers[leg.key.pair_id, leg.key.platform], leg.counted().open))
    for trade_id, kept in exposure.kept.items():
        for platform, line in kept.items():
            mine = [leg for leg in legs if (leg.trade_id, leg.key.platform) == (trade_id, platform)]
            used = sum(leg.counted().outlay + leg.counted().open for leg in mine)
            assert exposure.used(trade_id, platform) == used, trade_id
            expected.update(dict.fromkeys(payers[exposure._pairs[trade_id], platform], max(0, line - used)))
    assert {each: tally.amount for each, tally in exposure._accounts.items() if tally.amount} == +expected
    assert exposure.out == {leg.leg_id: leg for leg in legs if not leg.closed}
    assert exposure.unknown == {leg.leg_id: leg for leg in legs if leg.unknown}
    assert set(exposure._used) == {leg.trade_id for leg in legs}
    assert exposure.pools == {key: pool for pools in exposure._pools_of.values() for key, pool in pools.items()}
    assert set(exposure.pools) == {leg.key for leg in legs if leg.counted().fill is not None}
    assert exposure.unhedged == sum(unhedged(exposure, legs, pair_id) for pair_id in {leg.key.pair_id for leg in legs})


def unhedged(exposure: Exposure, legs: list[LegMoney], pair_id: PairId) -> int:
    """What the pair holds without a partner, at its share of the cost, and what its shorts can lose."""
    held, cost, shorts = {Side.YES: 0, Side.NO: 0}, {Side.YES: 0, Side.NO: 0}, 0
    for key in {leg.key for leg in legs if leg.key.pair_id == pair_id}:
        contracts, paid = pool_of(exposure, key)
        if contracts < 0:
            shorts += max(0, paid - contracts * PAYOUT)
        else:
            held[key.side] += contracts
            cost[key.side] += paid
    more = max(held, key=lambda side: held[side])
    excess = held[more] - held[more.opposite]
    return shorts + (-(-cost[more] * excess // held[more]) if excess else 0)


def pool_of(exposure: Exposure, key: PoolKey) -> tuple[int, int]:
    """Contracts and what they cost."""
    pool = exposure.pools.get(key)
    return (0, 0) if pool is None else (pool.holding.contracts, pool.holding.cost)
