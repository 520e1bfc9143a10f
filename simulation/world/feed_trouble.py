"""What can be wrong with market data: a lost connection, a gap, silence behind a living socket, untrue books."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from market.pair import Pair
from protocol.terms import KALSHI, POLYMARKET
from simulation.world.nemesis import Fault, Kind
from simulation.world.process import ControllerMachine

Later = Callable[[int, Callable[[], None]], None]


def trouble(controller: ControllerMachine, pairs: Sequence[Pair], fault: Fault, later: Later) -> None:
    """One of a controller's feeds suffers the fault, for as long as it says."""
    feed = controller.feeds.get(KALSHI if fault.for_us % 2 else POLYMARKET)
    if feed is None or not controller.alive:
        return
    epoch = controller.epoch

    def back() -> None:
        if controller.alive and controller.epoch == epoch:
            feed.connect()

    if fault.kind is Kind.FEED_DOWN:
        feed.disconnect("the connection was lost")
        later(fault.for_us, back)
    elif fault.kind is Kind.FEED_GAP:
        feed.gap(str(pairs[fault.for_us % len(pairs)].pair_id))
    elif fault.kind is Kind.FEED_SILENT:
        feed.fall_silent()
        later(fault.for_us, back)
    else:
        feed.lying_us = controller.kernel.now_us + fault.for_us
