"""The venue actor: thin. Each leg to its port once, each word of the port to whoever asked."""

from __future__ import annotations

import json

import pytest

from actors import venue as venue_module
from actors.messages import AskVenue, PlaceLeg, VenueKnows, VenueSaid
from actors.venue import Venue, VenueSetup
from protocol.codec import decode
from protocol.terms import KALSHI, LegId, Status
from protocol.wire import Book
from simulation.doubles import Say, ScriptedVenue, filled, inbox
from tests.actors.kit import a_leg, book, outcome
from transport.host import ActorHost


def place(host: ActorHost, port: ScriptedVenue, *legs: PlaceLeg) -> list[VenueSaid]:
    actor = host.create(Venue, "venue", VenueSetup(port, host.tell))
    asker, said = inbox(host)
    for leg in legs:
        host.tell(asker, Say(actor, leg))
    return said


def test_an_answer_on_the_spot_comes_back_as_a_message_of_its_own() -> None:
    with ActorHost() as host:
        said = place(host, ScriptedVenue(KALSHI, script=filled), PlaceLeg(a_leg()))
        assert said == [VenueSaid(filled(a_leg()))]


def test_later_words_on_a_leg_come_back_too_also_after_a_final_one() -> None:
    port = ScriptedVenue(KALSHI)
    with ActorHost() as host:
        said = place(host, port, PlaceLeg(a_leg()))
        words = [outcome("l1", Status.UNKNOWN), outcome("l1", Status.UNFILLED), outcome("l1", Status.PARTIAL, 3)]
        for word in words:
            port.answer(word)
        assert [one.outcome for one in said] == words


def test_the_book_is_seen_before_the_leg_is_placed() -> None:
    port = ScriptedVenue(KALSHI)
    shown = decode(json.dumps(book([], [(50, 1)])))
    assert isinstance(shown, Book)
    seen: list[int] = []
    port.script = lambda _leg: seen.append(len(port.books))
    with ActorHost() as host:
        place(host, port, PlaceLeg(a_leg(), shown))
    assert (port.books, seen) == ([shown], [1])


def test_what_the_venue_knows_is_told_to_whoever_asks_and_so_is_its_later_news() -> None:
    port = ScriptedVenue(KALSHI)
    with ActorHost() as host:
        actor = host.create(Venue, "venue", VenueSetup(port, host.tell))
        first, placed = inbox(host)
        second, asked = inbox(host)
        host.tell(first, Say(actor, PlaceLeg(a_leg())))
        host.tell(second, Say(actor, AskVenue(a_leg())))
        port.knows = lambda _leg: None
        host.tell(second, Say(actor, AskVenue(a_leg())))
        port.answer(outcome("l1", Status.UNFILLED))
    assert placed == []
    assert asked == [
        VenueKnows(LegId("l1"), None, "cannot be asked"),
        VenueKnows(LegId("l1"), None, None),
        VenueSaid(outcome("l1", Status.UNFILLED)),
    ]


def test_memory_of_askers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue_module, "MAX_ASKERS", 2)
    port = ScriptedVenue(KALSHI)
    with ActorHost() as host:
        said = place(host, port, *(PlaceLeg(a_leg(f"l{number}")) for number in range(3)))
        for number in range(3):
            port.answer(outcome(f"l{number}", Status.UNFILLED))
        assert [one.outcome.leg_id for one in said] == ["l1", "l2"]
