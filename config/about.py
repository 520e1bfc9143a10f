"""What a setting is for and where it may be given: the part of a field that people read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class About:
    """The meaning of a setting, its flags, and its names in the environment beside ``ARB_<NAME>``.

    ``no_flag`` is the flag that says no. ``default`` replaces the default's text in the documentation.
    ``in_file`` is false for what must not be written into the configuration file.
    """

    meaning: str
    flag: str | None = None
    no_flag: str | None = None
    env: tuple[str, ...] = ()
    default: str | None = None
    in_file: bool = True
