"""All deliberate mistakes, by name."""

from __future__ import annotations

from tests.simulation import defects_controller, defects_intruders, defects_trader
from tests.simulation.defect_kit import DEFECTS

__all__ = ["DEFECTS", "defects_controller", "defects_intruders", "defects_trader"]
