"""Where the environment of the clients is, that `make sdk` makes; and how a test runs a script in it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.ground.project import ROOT

HOME: Final = ROOT / ".venv-sdk"
SPECS: Final = HOME / "specs"
PATIENCE_S: Final = 60
_SCRIPTS: Final = ROOT / "tests" / "sdk" / "scripts"

needed = pytest.mark.skipif(
    not (HOME / ".installed").is_file(), reason="no environment with the venues' own clients: `make sdk` makes it"
)
"""For a test that runs one of them."""


async def run_script(name: str, *arguments: str | Path) -> str:
    """What the script printed. It must end well, and in time."""
    process = await asyncio.create_subprocess_exec(
        str(HOME / "bin" / "python"),
        str(_SCRIPTS / name),
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{name}:\n{err.decode()[-4000:]}"
    return out.decode()


async def run_json(name: str, *arguments: str | Path) -> dict[str, Any]:
    """The JSON that the script printed."""
    document: dict[str, Any] = json.loads(await run_script(name, *arguments))
    return document
