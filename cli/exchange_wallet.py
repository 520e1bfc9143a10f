"""The throw-away wallet of a rehearsal: made once, readable by its owner alone; it opens the loopback exchange only."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from coincurve import PrivateKey

from cli.error import CliError
from cli.exit_codes import CONFIGURATION
from venues.polymarket.exchange.eip712 import address_of

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def throwaway_wallet(file: Path) -> Path:
    """The file of the private key, made with mode 0600 where there is none. Raises :class:`CliError`."""
    text = f"0x{PrivateKey().to_hex():0>64}\n"
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file
    except OSError as error:
        raise CliError(CONFIGURATION, f"cannot write {file}: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(text)
    return file


def address_in(file: Path) -> str:
    """The address of a private key. Raises :class:`CliError`; others may not be able to read the file."""
    try:
        if stat.S_IMODE(file.stat().st_mode) & _OTHERS:
            raise CliError(CONFIGURATION, f"{file} can be read by others: chmod 600 {file}")
        key = PrivateKey.from_hex(file.read_text(encoding="ascii").strip().removeprefix("0x"))
    except OSError as error:
        raise CliError(CONFIGURATION, f"cannot read {file}: {error.strerror}") from None
    except ValueError:
        raise CliError(CONFIGURATION, f"{file} is no private key in hex: delete it, and a new one is made") from None
    return address_of(key.public_key)
