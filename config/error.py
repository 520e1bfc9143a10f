"""What is wrong with a configuration, said so that it can be mended."""

from __future__ import annotations


class ConfigError(Exception):
    """One or more wrong settings; each text names its source and the fix.

    ``usage`` is true where every one of them was typed on the command line.
    """

    def __init__(self, *problems: str, usage: bool = False) -> None:
        """Keep the problems apart, so that each can have its line."""
        super().__init__("\n".join(problems))
        self.problems = problems
        self.usage = usage
