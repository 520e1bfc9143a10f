"""`arb exchange` as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cli.process import ARB, PATIENCE_S
from tests.ground.project import ROOT


@contextmanager
def exchange(venue: str, *words: str) -> Iterator[dict[str, Any]]:
    """It runs, and this is its first line; at the end it is asked to stop, and must have ended well."""
    process = subprocess.Popen(
        [*ARB, "exchange", venue, "--port", "0", "--json", *words],
        cwd=ROOT,
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=PATIENCE_S)
        yield json.loads(line)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, out, err) == (0, "", "")
    finally:
        process.kill()
        process.communicate()
