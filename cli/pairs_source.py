"""Which pairs a command works on: those of a file, or those that a person has approved."""

from __future__ import annotations

import time
from pathlib import Path

from cli.error import CliError
from cli.exit_codes import CONFIGURATION
from config.home import ArbHome
from config.kinds import APPROVED
from config.settings import Settings
from market.pair import Pair
from market.pairs import PairsError, parse_pairs
from transport.pairs.errors import PairStoreError
from transport.pairs.schema import FILE_NAME
from transport.pairs.store import Approved, PairStore


def named_pairs(settings: Settings) -> list[Pair]:
    """The pairs of the file that the settings name, or the approved ones. Raises :class:`CliError`."""
    if settings.pairs is None or settings.pairs == APPROVED:
        return approved_pairs(settings.home)
    return read_pairs(Path(settings.pairs))


def on_approved(settings: Settings) -> bool:
    """Whether these settings mean the approved pairs: by name, or because there are some and nothing else is named."""
    if settings.pairs is None:
        return settings.feed != "sim" and bool(approved(settings.home).pairs)
    return settings.pairs == APPROVED


def approved_pairs(home: ArbHome) -> list[Pair]:
    """What a person approved and is open. Raises :class:`CliError` where there is none."""
    found = approved(home)
    if not found.pairs:
        why = "; ".join(f"{pair_id}: {reason}" for pair_id, reason in list(found.shut.items())[:3])
        text = f"pairs: none is approved ({why})" if why else "pairs: none is approved"
        raise CliError(CONFIGURATION, f"{text}: see `arb pairs review`, or give --pairs FILE")
    return list(found.pairs)


def approved(home: ArbHome) -> Approved:
    """What may be traded, and what may not although it is approved."""
    if not store_file(home).exists():
        return Approved((), {}, None)
    try:
        with PairStore(store_file(home)) as store:
            return store.approved()
    except PairStoreError as error:
        raise CliError(CONFIGURATION, str(error)) from None


def age_s(oldest_us: int | None) -> int | None:
    """How long ago that was."""
    return None if oldest_us is None else max(0, (time.time_ns() // 1_000 - oldest_us) // 1_000_000)


def store_file(home: ArbHome) -> Path:
    """Where a home keeps its pairs."""
    return home.path / FILE_NAME


def read_pairs(path: Path) -> list[Pair]:
    """Read a pairs file, or say which file, pair and field is wrong."""
    try:
        return parse_pairs(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise CliError(CONFIGURATION, f"pairs file {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, PairsError) as error:
        raise CliError(CONFIGURATION, f"pairs file: {error}") from None
