"""A recording traded on paper by the real controller's actors, in no time at all: what a run of it must add up to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from market.fees import RETAIL_PRECISION
from market.pair import Pair
from market.rules import Rules
from protocol.terms import PLATFORMS
from protocol.units import Money
from simulation.boxes import ControllerBox
from transport.feeds.capture_file import CaptureError, CaptureReader
from venues.capture import CapturePlayer


class PaperRun:
    """Both platforms are executed locally on paper venues; every line of the recording is one turn."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        rules: Rules,
        max_leg_notional: Money | None = None,
        precision: Money = RETAIL_PRECISION,
    ) -> None:
        """A controller of its own, which :meth:`totals` ends."""
        self.box = ControllerBox(
            pairs, rules=rules, local=PLATFORMS, max_leg_notional=max_leg_notional, precision=precision, beacon=False
        )

    def totals(self, file: Path) -> dict[str, Any]:
        """Play the file to its end (or its fault) and return the sums of the controller's status."""
        player = CapturePlayer()
        start = None
        try:
            for line in CaptureReader(file):
                start = line.t if start is None else start
                self.box.clock.advance(max(0, line.t - start - self.box.clock.now_us))
                batch = player.play(line).batch
                if batch is not None:
                    self.box.feed(batch)
        except CaptureError:
            pass
        status = self.box.status()
        self.box.close()
        return {**status["trades"], **status["totals"]}
