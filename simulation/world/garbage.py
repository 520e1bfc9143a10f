"""How often Python looks for cycles while a world runs.

What a world makes and drops is freed at once by its count of references; what it keeps, it keeps to its end. By
default Python looks at the young objects after every 700 and, again and again, at everything that a growing ledger
holds: a twentieth of a run, for nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

SELDOM: Final = (50_000, 5, 5)
"""Young objects are looked at after so many, older ones every fifth time, all every 25th: worlds that are over go."""


@contextmanager
def seldom_collected() -> Generator[None]:
    """Collect that seldom; afterwards as before."""
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
