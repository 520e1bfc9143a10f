"""What a command's exit code says; stable, so that scripts can rely on it."""

from __future__ import annotations

from typing import Final

OK: Final = 0
ERROR: Final = 1
USAGE: Final = 2
NOT_RUNNING: Final = 3
CONFIGURATION: Final = 4
TIMEOUT: Final = 5
