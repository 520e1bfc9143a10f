"""The kinds of value a setting can have: how each is read from a flag, the environment, TOML or Python.

A kind reads text as well as the typed value, and reading what it has read gives the same again. What it refuses,
it refuses with a ``ValueError`` that begins with "must"; no kind ever shows the value, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_core import CoreSchema, core_schema

from config.address import MAX_PORT, Address, AddressError, parse_address, parse_host

MAX_TEXT: Final = 4_096
MAX_ITEMS: Final = 32
MAX_MARKETS: Final = 10_000
MAX_MARKET: Final = 200
"""Characters of one market's name; a token id has 77 digits."""

FEED_FILE: Final = "replay:"

APPROVED: Final = "approved"
"""Instead of a pairs file: what a person has approved (`arb pairs`)."""

_WHOLE: Final = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?", re.ASCII)
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_WORDS: Final = {
    "yes": True,
    "true": True,
    "on": True,
    "1": True,
    "no": False,
    "false": False,
    "off": False,
    "0": False,
}


class RefusedError(ValueError):
    """A value that its kind refuses for a reason more exact than the kind's phrase."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value: ``phrase`` completes "must be ...", ``parse`` raises ``ValueError`` on anything else.

    Of a path ``words`` are those that name no file.
    """

    phrase: str
    parse: Callable[[Any], object]
    is_path: bool = False
    is_secret: bool = False
    words: tuple[str, ...] = ()

    def read(self, value: object) -> object:
        """Return the typed value, or raise ``ValueError`` with a text that begins with "must"."""
        try:
            return self.parse(value)
        except (RefusedError, AddressError) as refused:
            raise ValueError(str(refused)) from None
        except (ValueError, InvalidOperation):
            raise ValueError(f"must be {self.phrase}") from None

    def __get_pydantic_core_schema__(self, source: object, _handler: object) -> CoreSchema:
        """Make the kind the whole of its field's validation; None passes where the field's type has it."""
        schema = core_schema.no_info_plain_validator_function(self.read)
        return core_schema.nullable_schema(schema) if NoneType in get_args(source) else schema


def _stripped(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    text = value.strip()
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        raise ValueError
    return text


def whole(low: int, high: int) -> Kind:
    """Whole numbers from ``low`` to ``high``."""

    def parse(value: object) -> int:
        if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError
        return value

    return Kind(f"a whole number from {low} to {high}", parse)


def decimal(high: int, places: int, *, zero: bool) -> Kind:
    """Exact decimals up to ``high``, from zero or above zero; a float is refused, for it is not exact."""

    def parse(value: object) -> Decimal:
        if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
            value = Decimal(value.strip())
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise ValueError
        number = Decimal(value)
        if not number.is_finite() or not 0 <= number <= high or (number == 0 and not zero):
            raise ValueError
        if number != round(number, places):
            raise ValueError
        return number

    bounds = f"from 0 to {high}" if zero else f"above 0 and at most {high}"
    return Kind(f"a number {bounds}, with at most {places} decimals", parse)


def choice(*words: str) -> Kind:
    """One of these words."""

    def parse(value: object) -> str:
        word = _stripped(value)
        if word not in words:
            raise ValueError
        return word

    return Kind(f"{', '.join(words[:-1])} or {words[-1]}", parse)


def yes_no() -> Kind:
    """Yes or no, in the words of shells and TOML."""

    def parse(value: object) -> bool:
        if isinstance(value, bool):
            return value
        return _WORDS[word] if (word := str(value).strip().lower()) in _WORDS else _refuse()

    return Kind("yes or no", parse)


def _refuse() -> Any:  # noqa: ANN401 -- never returns
    raise ValueError


def _items(value: object, most: int = MAX_ITEMS) -> list[object]:
    if isinstance(value, str):
        value = [item for item in value.split(",") if item.strip()]
    if not isinstance(value, (list, tuple)) or len(value) > most:
        raise ValueError
    return list(value)


def platforms(known: Collection[str], *, empty: bool) -> Kind:
    """Platforms out of ``known``: comma-separated or a list, in any case, each kept once in the order given."""
    names = ", ".join(known)

    def parse(value: object) -> tuple[str, ...]:
        found = dict.fromkeys(_stripped(item).lower() for item in _items(value))
        strangers = [name for name in found if name not in known]
        if strangers:
            raise RefusedError(f'must be a comma-separated list out of {names}; "{strangers[0][:40]}" is none of them')
        if not found and not empty:
            raise ValueError
        return tuple(found)

    return Kind(f"a comma-separated list out of {names}", parse)


def markets() -> Kind:
    """Instruments as their venues name them: tickers and token ids, each kept once."""

    def parse(value: object) -> tuple[str, ...]:
        found = dict.fromkeys(_stripped(item) for item in _items(value, MAX_MARKETS))
        if not found or any(len(name) > MAX_MARKET or " " in name for name in found):
            raise ValueError
        return tuple(found)

    return Kind("a comma-separated list of Kalshi tickers and Polymarket token ids", parse)


def addresses() -> Kind:
    """One or more ``HOST:PORT``."""

    def parse(value: object) -> tuple[Address, ...]:
        items = _items(value)
        if not items:
            raise ValueError
        return tuple(item if isinstance(item, Address) else parse_address(_stripped(item)) for item in items)

    return Kind("HOST:PORT, or several", parse)


def hosts() -> Kind:
    """IP addresses or host names, without ports."""

    def parse(value: object) -> tuple[str, ...]:
        return tuple(parse_host(_stripped(item)) for item in _items(value))

    return Kind("IP addresses or host names without a port", parse)


def websocket_url() -> Kind:
    """A ``ws://`` or ``wss://`` URL that carries no secret."""

    def parse(value: object) -> str:
        text = _stripped(value)
        parts = urlsplit(text)
        if parts.scheme not in {"ws", "wss"} or not parts.hostname or parts.fragment or " " in text:
            raise ValueError
        if parts.username is not None or parts.password is not None:
            raise RefusedError("must not carry a user or password; a token goes into token_file or ARB_TOKEN")
        if parts.port is not None and not 0 < parts.port <= MAX_PORT:
            raise ValueError
        parse_host(parts.hostname)
        return text

    return Kind("a URL like ws://HOST:9001 or wss://HOST:9001", parse)


def _path(value: object) -> Path:
    text = _stripped(str(value) if isinstance(value, Path) else value)
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise RefusedError("must be a path whose ~ names a user of this machine") from None


def path() -> Kind:
    """A path, with ``~`` expanded; whether the file exists is asked by the one who opens it."""
    return Kind("a path", _path, is_path=True)


def pairs() -> Kind:
    """A pairs file, or the pairs that were approved."""

    def parse(value: object) -> object:
        return APPROVED if value == APPROVED else _path(value)

    return Kind(f"a path, or {APPROVED}", parse, is_path=True, words=(APPROVED,))


def feed() -> Kind:
    """Where market data comes from: ``sim``, ``live`` or ``replay:FILE``."""

    def parse(value: object) -> str:
        text = _stripped(value)
        if text.startswith(FEED_FILE):
            return f"{FEED_FILE}{_path(text.removeprefix(FEED_FILE))}"
        if text not in {"sim", "live"}:
            raise ValueError
        return text

    return Kind("sim, live or replay:FILE", parse)


def dispatch(known: Sequence[str]) -> Kind:
    """How the legs of a trade leave: ``together``, or ``first:PLATFORM``."""

    def parse(value: object) -> str:
        text = _stripped(value)
        if text != "together" and text.removeprefix("first:") not in known:
            raise ValueError
        if text != "together" and not text.startswith("first:"):
            raise ValueError
        return text

    return Kind(f"together, or first: and one of {', '.join(known)}", parse)


def name() -> Kind:
    """A short name that can be part of a file name."""

    def parse(value: object) -> str:
        text = _stripped(value)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", text, re.ASCII):
            raise ValueError
        return text

    return Kind("1 to 32 letters, digits, - or _, beginning with a letter or digit", parse)


def read_secret(value: object) -> SecretStr:
    """Return a secret that can be a header's value, held so that no repr shows it. Raises ``ValueError``."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or len(text) > MAX_TEXT or not _TOKEN.fullmatch(text):
        raise ValueError
    return SecretStr(text)


def ledger_url() -> Kind:
    """A database that can hold the ledger: an SQLite file by its whole path, or PostgreSQL."""

    def parse(value: object) -> SecretStr:
        text = _stripped(value.get_secret_value() if isinstance(value, SecretStr) else value)
        parts = urlsplit(text)
        is_file = parts.scheme == "sqlite" and text.startswith("sqlite:////") and parts.path.strip("/")
        is_server = parts.scheme in {"postgresql", "postgres"} and parts.path.strip("/")
        if not (is_file or is_server) or (is_file and (parts.query or parts.fragment)):
            raise ValueError
        return SecretStr(text)

    return Kind("sqlite:////path/to/ledger.db or postgresql://USER@HOST/DATABASE", parse, is_secret=True)


def secret() -> Kind:
    """A secret that can be a header's value."""
    return Kind("one line of visible ASCII characters without spaces", read_secret, is_secret=True)
