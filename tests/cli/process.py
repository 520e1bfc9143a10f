"""`arb` as a process of its own: with pipes, or on a terminal that a test types into."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.ground.project import ROOT

PATIENCE_S: Final = 30
MAX_READS: Final = 100

AGAIN_S: Final = 2.0
"""After so long a signal is taken for lost; one that is sent again too soon hits a process that is just ending."""

ARB: Final = (sys.executable, "-m", "cli.main")

# Tests that run in a shell's background inherit a Ctrl-C that is ignored; somebody at a terminal does not.
ARB_FROM_A_SHELL: Final = (
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from cli.main import main; main()",
)


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended; on a terminal ``out`` holds everything that was shown."""

    code: int
    out: str
    err: str = ""


def arb(*words: str, columns: int = 80) -> Done:
    """Run `arb` with these words and nothing to read; the environment is this test's."""
    env = {**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1"}
    done = subprocess.run(
        [*ARB, *words],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def arb_on_terminal(words: Sequence[str], dialogue: Sequence[tuple[str, str | signal.Signals]]) -> Done:
    """Run `arb` on a terminal; whenever the next words of the dialogue are shown, give their answer.

    An answer is a line to type, or a signal, which is sent again until something happens.
    """
    master, slave = pty.openpty()
    try:
        child = subprocess.Popen([*ARB_FROM_A_SHELL, *words], cwd=ROOT, stdin=slave, stdout=slave, stderr=slave)
    finally:
        os.close(slave)
    try:
        shown = _talk(master, child, list(dialogue))
        return Done(child.wait(PATIENCE_S), shown.replace("\r\n", "\n"))
    finally:
        os.close(master)
        child.kill()
        child.wait()


def _talk(master: int, child: subprocess.Popen[bytes], waiting: list[tuple[str, str | signal.Signals]]) -> str:
    shown, again = "", None
    for _ in range(MAX_READS):
        ready, _, _ = select.select([master], [], [], PATIENCE_S if again is None else AGAIN_S)
        if not ready and again is not None:
            # The first fell between the question and the wait for its answer.
            child.send_signal(again)
            continue
        chunk = _read(master) if ready else ""
        if not chunk:
            break
        shown += chunk
        if waiting and waiting[0][0] in shown:
            answer = waiting.pop(0)[1]
            if isinstance(answer, signal.Signals):
                child.send_signal(answer)
                again = answer
            else:
                os.write(master, f"{answer}\n".encode())
    return shown


def _read(master: int) -> str:
    """What is shown next; nothing at the end."""
    try:
        return os.read(master, 65_536).decode()
    except OSError:
        # Linux says so when the last process has left the terminal.
        return ""
