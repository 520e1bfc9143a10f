"""The pairs file: TOML text to pairs and back.

One ``[[pairs]]`` table a pair. Amounts are decimal texts (``"0.07"``) or TOML numbers; both are read exactly.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from market.fees import RATE_UNIT, rate_from_text
from market.pair import Pair
from protocol.units import (
    UnitError,
    money_from_dollars,
    money_to_dollars,
    price_from_dollars,
    quantity_from_text,
    quantity_to_wire,
)
from protocol.wire import MAX_NAME, MAX_TEXT

__all__ = ["MAX_PAIRS", "Pair", "PairsError", "format_pairs", "parse_pairs"]

MAX_PAIRS: Final = 65_536
"""What the wire's ``market_id`` can number."""

MAX_MULTIPLIER: Final = 10
MAX_SHARD: Final = 999


class PairsError(ValueError):
    """A pairs file that cannot be used; the text names the source, the pair, the field and the fix."""


def parse_pairs(text: str, source: str) -> list[Pair]:
    """The pairs of a file, numbered from 0 in its order. Raises :class:`PairsError` naming ``source``."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise PairsError(f"{source}: not TOML: {error}") from None
    tables = document.pop("pairs", None)
    if document:
        raise PairsError(f"{source}: unknown key {_listed(document)}: a pairs file holds [[pairs]] tables only")
    if not isinstance(tables, list) or not tables:
        raise PairsError(f"{source}: no pairs in it: write one [[pairs]] table for each pair")
    if len(tables) > MAX_PAIRS:
        raise PairsError(f"{source}: {len(tables)} pairs are more than the wire can number: at most {MAX_PAIRS}")
    pairs = [_pair(table, number, source) for number, table in enumerate(tables)]
    _refuse_doubles(pairs, source)
    return pairs


def format_pairs(pairs: Iterable[Pair]) -> str:
    """A pairs file that :func:`parse_pairs` reads back as the same pairs; defaults are left out, rates are not."""
    return "\n".join(_table(pair) for pair in pairs)


class _Field(NamedTuple):
    """A key of the file: the pair's attribute, how its value is read (raises ValueError) and written."""

    attribute: str
    read: Callable[[Any], object]
    write: Callable[[Any], str]


def _name(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_NAME:
        raise ValueError(f"must be a text of 1 to {MAX_NAME} characters")
    if not value.isprintable() or " " in value:
        raise ValueError("must be printable and without spaces")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError(f"must be a text of at most {MAX_TEXT} characters")
    return value


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError('must be a number such as "0.01"')
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f'must be a number such as "0.01", not {str(value)[:40]!r}') from None
    if not (number.is_finite() and number >= 0):
        raise ValueError(f"must be a number of at least 0, not {str(value)[:40]}")
    return number


def _tick(value: object) -> int:
    return price_from_dollars(_number(value))


def _quantity(value: object) -> int:
    quantity = quantity_from_text(_number(value))
    if quantity < 1:
        raise ValueError("must be at least 0.01")
    return quantity


def _notional(value: object) -> int:
    return money_from_dollars(_number(value))


def _multiplier(value: object) -> int:
    number = _number(value)
    if number > MAX_MULTIPLIER or number * RATE_UNIT % 1:
        raise ValueError(f"must be from 0 to {MAX_MULTIPLIER}, with at most 6 decimals")
    return int(number * RATE_UNIT)


def _exponent(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number such as 1")
    return value


def _shard(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SHARD:
        raise ValueError(f"must be a whole number from 0 to {MAX_SHARD}, such as 3")
    return value


def _quoted(value: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped as well.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _decimal(value: object) -> str:
    return f'"{Decimal(str(value)):f}"'


def _micro(value: int) -> str:
    return _decimal(money_to_dollars(value))  # type: ignore[arg-type]  # rates are millionths as money is


_FIELDS: Final[Mapping[str, _Field]] = {
    "pair_id": _Field("pair_id", _name, _quoted),
    "description": _Field("description", _text, _quoted),
    "event_id": _Field("event_id", _name, _quoted),
    "kalshi_market_ticker": _Field("kalshi_market_ticker", _name, _quoted),
    "poly_yes_token": _Field("poly_yes_token", _name, _quoted),
    "poly_no_token": _Field("poly_no_token", _name, _quoted),
    "kalshi_tick": _Field("kalshi_tick", _tick, lambda tick: _decimal(Decimal(tick) / 10_000)),
    "poly_tick": _Field("poly_tick", _tick, lambda tick: _decimal(Decimal(tick) / 10_000)),
    "kalshi_min_contracts": _Field("kalshi_min_contracts", _quantity, lambda size: _decimal(quantity_to_wire(size))),
    "poly_min_notional": _Field("poly_min_notional", _notional, _micro),
    "quantity_step": _Field("quantity_step", _quantity, lambda size: _decimal(quantity_to_wire(size))),
    "kalshi_shard": _Field("kalshi_shard", _shard, str),
}
_FEES: Final[Mapping[str, _Field]] = {
    "kalshi_rate": _Field("kalshi_rate_ppm", rate_from_text, _micro),
    "kalshi_multiplier": _Field("kalshi_multiplier_ppm", _multiplier, _micro),
    "polymarket_rate": _Field("polymarket_rate_ppm", rate_from_text, _micro),
    "polymarket_exponent": _Field("polymarket_exponent", _exponent, str),
}
_RATES: Final = frozenset({"kalshi_rate", "polymarket_rate"})
_DEFAULTS: Final = dict(zip(reversed(Pair.__struct_fields__), reversed(Pair.__struct_defaults__), strict=False))


def _pair(table: object, number: int, source: str) -> Pair:
    where = f"{source}: pair {number + 1}"
    if not isinstance(table, dict):
        raise PairsError(f"{where}: must be a [[pairs]] table")
    if isinstance(table.get("pair_id"), str):
        where += f" ({table['pair_id'][:MAX_NAME]!r})"
    fees = table.pop("fees", {})
    if not isinstance(fees, dict):
        raise PairsError(f'{where}: fees: must be a table such as {{ kalshi_rate = "0.07" }}')
    values = {**_read(table, _FIELDS, where, ""), **_read(fees, _FEES, where, "fees.")}
    if "pair_id" not in values:
        raise PairsError(f"{where}: pair_id: missing: give the pair a name of its own")
    try:
        return Pair(market_id=number, **values)
    except ValueError as error:
        raise PairsError(f"{where}: {error}") from None


def _read(table: Mapping[str, object], fields: Mapping[str, _Field], where: str, prefix: str) -> dict[str, Any]:
    unknown = [key for key in table if key not in fields]
    if unknown:
        allowed = ", ".join([*fields, "fees"] if fields is _FIELDS else fields)
        raise PairsError(f"{where}: unknown key {_listed(unknown, prefix)}: allowed are {allowed}")
    values: dict[str, Any] = {}
    for key, value in table.items():
        field = fields[key]
        try:
            values[field.attribute] = field.read(value)
        except UnitError as error:
            raise PairsError(f"{where}: {prefix}{key}: {error}") from None
        except ValueError as error:
            raise PairsError(f"{where}: {prefix}{key}: {error}") from None
    return values


def _listed(keys: Iterable[str], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{key[:60]}" for key in keys)


def _refuse_doubles(pairs: list[Pair], source: str) -> None:
    """Two pairs of one name would share a latch; two of the same instruments would trade one edge twice."""
    names: dict[object, Pair] = {}
    for pair in pairs:
        instruments = (pair.kalshi_market_ticker, pair.poly_yes_token, pair.poly_no_token)
        for key, field in ((pair.pair_id, "pair_id"), (instruments, "instruments")):
            other = names.setdefault(key, pair)
            if other is not pair:
                raise PairsError(
                    f"{source}: pair {pair.market_id + 1} ({pair.pair_id!r}): {field}: the same as of pair "
                    f"{other.market_id + 1} ({other.pair_id!r}): remove one of the two"
                )


def _table(pair: Pair) -> str:
    lines = ["[[pairs]]"]
    for key, field in _FIELDS.items():
        value = getattr(pair, field.attribute)
        if value is not None and value != _DEFAULTS.get(field.attribute):
            lines.append(f"{key} = {field.write(value)}")
    fees = []
    for key, field in _FEES.items():
        value = getattr(pair, field.attribute)
        if key in _RATES or value != _DEFAULTS[field.attribute]:
            fees.append(f"{key} = {field.write(value)}")
    return "\n".join([*lines, f"fees = {{ {', '.join(fees)} }}"]) + "\n"
