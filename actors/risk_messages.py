"""What is said between actors about risk: halts and their acks, an operator's wishes and the answers to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.messages import Message
from protocol.terms import PairId, Platform


class TakeNoLegs(Message, frozen=True):
    """To whoever executes: take no leg from now on; only none that opens exposure where not ``everything``.

    Answered with :class:`NoLegsTaken` once nothing that was taken before can leave any more. :class:`TakeLegs` ends it.
    """

    number: int
    reason: str
    everything: bool = True


class TakeLegs(Message, frozen=True):
    """To whoever executes: take legs again. Answered with :class:`LegsTaken`."""

    number: int
    reason: str


class NoLegsTaken(Message, frozen=True):
    """Halted as ``number`` asked. ``who`` names a remote trader; ``open_legs`` left before, without a final word."""

    number: int
    open_legs: int = 0
    who: str = ""


class LegsTaken(Message, frozen=True):
    """Legs are taken again as ``number`` asked, or not, and why."""

    number: int
    error: str | None = None
    who: str = ""


class Halting(Message, frozen=True):
    """Router to executor: whose ack of ``number`` is out, and who cannot give one, by name with the reason."""

    number: int
    waiting: tuple[str, ...]
    out_of_reach: Mapping[str, str]


class HaltingAsked(Message, frozen=True):
    """Executor to router: whose ack is out now? Answered with :class:`Halting` while halted."""


class OperatorAsked(Message, frozen=True):
    """Somebody at the status socket wants something done. Answered by :class:`OperatorAnswered`, in the same turn."""

    query_id: int
    command: str
    request: Mapping[str, Any]


class OperatorAnswered(Message, frozen=True):
    """The answer, plain JSON values."""

    query_id: int
    document: dict[str, Any]


class AgesAsked(Message, frozen=True):
    """Executor to scanner: how long has each feed been silent? Answered with :class:`FeedAges`."""


class FeedAges(Message, frozen=True):
    """Microseconds since each feed spoke, None for one that never has; those that have ended are left out."""

    ages: Mapping[Platform, int | None]


class ClockTold(Message, frozen=True):
    """A trader told how far its clock is off, in microseconds."""

    trader: str
    offset_us: int


class AnswerDue(Message, frozen=True):
    """The executor's note to itself: after so many hops everyone who was asked has spoken, and the answer is due.

    ``pair_id``: of the trade that a person accepted. ``refused``: why another state holds than was asked for.
    """

    query_id: int
    hops: int
    pair_id: PairId | None = None
    refused: str | None = None
