"""What was measured on: without it no figure means anything."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from cli.processes import loop_factory

LIBRARIES: Final = ("websockets", "uvloop", "msgspec", "pydantic", "thespian")


def conditions() -> dict[str, Any]:
    """The machine, its load, and the versions of what the figures rest on."""
    return {
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "loop": loop_factory().__module__.partition(".")[0],
        **{library: version(library) for library in LIBRARIES},
    }


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()
