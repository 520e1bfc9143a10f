"""Text frame to message and back, as values: decoding never raises, whatever a peer sends.

``decode`` answers with the message, or with one of three refusals that a caller must tell apart: a frame that
is no message at all (:class:`Garbage`), a message of a type we do not know (:class:`UnknownType`, to be ignored),
and a known type with a wrong field (:class:`Invalid`, which names the field, and the leg where there is one, so
that the sender of an order always gets an answer).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
from pydantic import ValidationError

from protocol.book_wire import BOOK_TYPES, PREFIXES, BadBook, BookFrame, read_book_frame
from protocol.leg_frame import Frame
from protocol.terms import MAX_LEG_ID
from protocol.wire import MESSAGES, WireMessage

MAX_FRAME_BYTES: Final = 64 * 1024
"""A frame larger than this is refused by the link before it is read; the largest honest one is a book."""

_CHECKS: Final = {model.wire_type: model.__pydantic_validator__.validate_python for model in MESSAGES}
"""What makes a message of a frame's values: what ``model_validate`` calls, without what it asks before."""

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Garbage:
    """The frame is not a JSON object with a ``type``; counts against the connection."""

    reason: str


@dataclass(frozen=True, slots=True)
class UnknownType:
    """A well-formed message of a type that this build does not know: logged and ignored."""

    wire_type: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """A known type with wrong fields. ``leg_id`` and ``platform`` are there when the frame had usable ones."""

    wire_type: str
    reason: str
    leg_id: str | None = None
    platform: str | None = None


Spoken = WireMessage | BookFrame
"""Whatever a frame can mean."""

Decoded = Spoken | Garbage | UnknownType | Invalid


def decode(text: str | bytes) -> Decoded:
    """Return the message in ``text`` or the reason why there is none. Never raises.

    Numbers with a point are read as :class:`~decimal.Decimal`; NaN and infinities reach the field's own check,
    which refuses them by the field's name. A relay's frames, which come by the thousand, are told by how they begin.
    """
    if isinstance(text, str) and text.startswith(PREFIXES):
        return _relayed(text)
    try:
        raw = _parse(text)
    except (ValueError, RecursionError) as error:
        return Garbage(f"not JSON: {str(error)[:120]}")
    if not isinstance(raw, dict):
        return Garbage(f"not a JSON object but {type(raw).__name__}")
    wire_type = raw.get("type")
    if not isinstance(wire_type, str):
        return Garbage("no `type`, or not a text")
    check = _CHECKS.get(wire_type)
    if check is None and wire_type in BOOK_TYPES:
        return _relayed(text)
    if check is None:
        return UnknownType(wire_type[:60])
    try:
        return check(raw)  # type: ignore[no-any-return]
    except ValidationError as error:
        return Invalid(wire_type, _explain(error), _text(raw, "leg_id"), _text(raw, "platform"))


def encode(message: WireMessage | Frame) -> str:
    """The message as a JSON text frame; whole numbers without a point, decimals exact."""
    return _ENCODER.encode(message if isinstance(message, Frame) else message.wire_dict()).decode()


def _parse(text: str | bytes) -> object:
    """As ``json.loads``, and several times faster for what other ends write.

    Whatever the fast reader takes, it reads as ``json.loads`` does, to the type of each number (a test holds that).
    What it refuses may still be JSON to the other: NaN, half a surrogate pair, bytes that are not UTF-8.
    """
    try:
        return _READER.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return json.loads(text, parse_float=_decimal, parse_constant=Decimal)


def _relayed(text: str | bytes) -> Decoded:
    """A message of ``protocol/book_wire.py``; text that only begins like one goes the long way round."""
    try:
        return read_book_frame(text)
    except BadBook as error:
        reason = str(error)
    try:
        wire_type = str(json.loads(text)["type"])
    except (ValueError, RecursionError):
        return Garbage(f"not JSON: {reason}")
    return Invalid(wire_type, reason) if wire_type in BOOK_TYPES else UnknownType(wire_type[:60])


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        # An exponent beyond what even a Decimal holds: no number, for the field's own check to refuse.
        return Decimal("NaN")


_READER: Final = msgspec.json.Decoder(float_hook=_decimal)


def _text(raw: dict[str, object], key: str) -> str | None:
    value = raw.get(key)
    # Printable, as it goes into an answer and the log: half a surrogate pair could not even be written.
    return value if isinstance(value, str) and 0 < len(value) <= MAX_LEG_ID and value.isprintable() else None


def _explain(error: ValidationError) -> str:
    """Every wrong field by its wire name and what is wrong with it, on one line."""
    parts = []
    for item in error.errors(include_url=False, include_input=False, include_context=False)[:5]:
        field = ".".join(_step(step) for step in item["loc"]) or "message"
        text = item["msg"].removeprefix("Value error, ")
        parts.append(text if text.startswith(field) else f"{field}: {text}")
    return "; ".join(parts)


def _step(step: str | int) -> str:
    """A field's name, or the key of a map: that one is the peer's own text, and may hold anything."""
    name = str(step)[:MAX_LEG_ID]
    return name if name.isprintable() else ascii(name)
