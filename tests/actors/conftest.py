"""Fixtures of the trader's end, for every test of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from protocol.terms import KALSHI
from simulation.boxes import TraderBox
from simulation.doubles import ScriptedVenue
from tests.actors.kit import LEVEL_2


@pytest.fixture
def venue() -> ScriptedVenue:
    """A live Kalshi that answers when it is told to."""
    return ScriptedVenue(KALSHI)


@pytest.fixture
def trader() -> Iterator[TraderBox]:
    """A dry trader for both platforms, nobody connected."""
    with TraderBox() as made:
        yield made


@pytest.fixture
def live(venue: ScriptedVenue) -> Iterator[TraderBox]:
    """A trader for whom Kalshi is real, connected at level 2 to a controller that means it."""
    with TraderBox(dry_run=False, live={KALSHI: venue}) as made:
        made.say_init(1, dry_run=False, **LEVEL_2)
        yield made
