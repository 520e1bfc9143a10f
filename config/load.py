"""Settings from flags over environment over ``config.toml`` over defaults, each knowing where it came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.error import ConfigError
from config.home import ArbHome
from config.settings import Settings
from config.sources import Given, file_name, from_environment, from_file, from_flags, unknown_variables
from config.token_file import read_token
from config.toml_file import read_toml


def load_settings(
    flags: Mapping[str, object] | None = None,
    env: Mapping[str, str] | None = None,
    home: ArbHome | None = None,
) -> Settings:
    """Return the settings of this process.

    ``flags`` maps a setting's name to what was typed, None where the flag was not. ``env`` is the process's
    environment unless another is passed, ``home`` what that environment says. Raises :class:`ConfigError` with
    every wrong value at once, each with its source and the fix. A value that another source overrules is not judged.
    """
    env = os.environ if env is None else env
    home = ArbHome.from_environment(env) if home is None else home
    given = from_file(home.config_file) | from_environment(env) | from_flags(flags or {})
    settings = _validated(given)
    sources = {name: value.source for name, value in given.items()}
    update: dict[str, object] = {}
    update["dry_run"], decided_by = _decide_dry_run(settings, sources)
    warnings = [*unknown_variables(env), *_overruled(settings, sources, decided_by)]
    sources["dry_run"] = decided_by
    if settings.token is None and settings.token_file is not None:
        update["token"] = read_token(settings.token_file, given["token_file"].said)
        sources["token"] = f"file {settings.token_file}"
    settings = settings.model_copy(update=update)
    settings.remember(sources=sources, warnings=tuple(warnings), home=home)
    return settings


def load_file(file: Path) -> dict[str, Any]:
    """Return what a configuration file says, as written, after judging all of it; nothing where there is no file.

    Raises :class:`ConfigError` as :func:`load_settings` does.
    """
    _validated(from_file(file))
    return read_toml(file)


def _validated(given: Mapping[str, Given]) -> Settings:
    try:
        settings = Settings.model_validate({name: value.raw for name, value in given.items()})
    except ValidationError as error:
        wrong = [(given[str(detail["loc"][0])], detail["ctx"]["error"]) for detail in error.errors()]
        texts = [f"{value.said}: {reason}" for value, reason in wrong]
        raise ConfigError(*texts, usage=all(value.typed for value, _ in wrong)) from None
    for one, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        if one in given and other not in given:
            raise ConfigError(f"{given[one].said} needs {other} beside it: set both, or neither")
    for one, other in (("kalshi_key_id", "kalshi_key_file"), ("kalshi_key_file", "kalshi_key_id")):
        if one in given and other not in given:
            raise ConfigError(f"{given[one].said} needs {file_name(other)} beside it: set both, or neither")
    return settings


def _decide_dry_run(settings: Settings, sources: Mapping[str, str]) -> tuple[bool, str]:
    """Return whether the run is dry and which source decided; a wish for a dry run beats one for trading live."""
    if "dry_run" in sources and settings.dry_run:
        return True, sources["dry_run"]
    if "live" in sources:
        return not settings.live, sources["live"]
    return True, "default"


def _overruled(settings: Settings, sources: Mapping[str, str], decided_by: str) -> list[str]:
    if "dry_run" not in sources:
        return []
    if settings.live and settings.dry_run:
        return [f"{sources['live']} is overruled by {decided_by}: this is a dry run"]
    if not settings.live and not settings.dry_run:
        return [f"{sources['dry_run']} says no, but only --live (or live = true) trades live: this is a dry run"]
    return []
