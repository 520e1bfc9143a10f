"""Holds the controller to the cash that the venues say is there: it spends no more than it was told, and knows of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from actors.risk.terms import Account
from protocol.terms import LegId, Platform
from simulation.world.exchange import Exchange
from simulation.world.process import SECOND_US, ControllerMachine

STRANGERS_US: Final = 20 * SECOND_US
"""After a start so long: orders that left and are in no ledger may still be on their way, and nobody told of them."""


class Till:
    """Of each order, whether the controller knew what there was to be spent when it sent it."""

    def __init__(self, exchanges: Mapping[Platform, Exchange]) -> None:
        """Nothing sent."""
        self.exchanges = exchanges
        self.told: set[LegId] = set()
        self.blind: set[str] = set()
        self.began_us: dict[str, int] = {}

    def began(self, controller: ControllerMachine) -> None:
        """A start."""
        self.began_us[controller.name] = controller.kernel.now_us

    def sent(self, controller: ControllerMachine, platform: Platform, leg_id: LegId, trade_id: str) -> None:
        """The controller sends an order. Those that open a trade were approved together, before the first left."""
        if controller.kernel.now_us - self.began_us.get(controller.name, 0) < STRANGERS_US:
            self.blind.add(trade_id)
            return
        cash = controller.instance("executor").risk.books[False].cash
        if None in [cash.left(Account(each)) for each in self.exchanges]:
            self.blind.add(trade_id)
            if cash.left(Account(platform)) is None:
                return
        if trade_id not in self.blind or not leg_id.startswith(trade_id):
            self.told.add(leg_id)

    def overdrawn(self) -> str | None:
        """An order that was refused for want of cash, though the controller could have known; None: there is none."""
        for exchange in self.exchanges.values():
            for leg_id in exchange.too_dear:
                if leg_id in self.told:
                    return f"{leg_id} needs more than the {exchange.free_cash} that {exchange.platform} has"
        return None
