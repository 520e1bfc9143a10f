"""When to ask again about something that is not proven: soon, then less and less often, for ever. Pure, no jitter."""

from __future__ import annotations

from typing import Final

FIRST_US: Final = 250_000
LAST_US: Final = 30_000_000


def wait_us(attempts: int) -> int:
    """Microseconds to wait after so many attempts without a proof."""
    return int(min(LAST_US, FIRST_US << min(attempts, 20)))
