"""The expected way for a command to fail: a sentence and an exit code, never a traceback."""

from __future__ import annotations


class CliError(Exception):
    """Ends the command with ``exit_code``; ``text`` says what is wrong and how to mend it."""

    def __init__(self, exit_code: int, text: str) -> None:
        super().__init__(text)
        self.exit_code = exit_code
        self.text = text
