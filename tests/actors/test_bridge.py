"""The bridge: frames to messages and back, garbage counted, the end of a connection told exactly once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.bridge import MAX_BAD_FRAMES
from actors.messages import Attach, CloseLink, LinkClosed, LinkGarbage, LinkOpened, NotWritten, Outgoing
from protocol.terms import KALSHI, LegId
from protocol.wire import Ping
from simulation.boxes import ControllerBox
from simulation.doubles import Say, inbox
from tests.actors.kit import texts
from tests.market.builders import pair


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    with ControllerBox([pair()]) as made:
        made.say_hello(1)
        yield made


def garbage(box: ControllerBox, times: int, conn_id: int = 1) -> None:
    for _ in range(times):
        box.receive(conn_id, "{")


def test_garbage_is_logged_with_its_reason_and_counted(box: ControllerBox) -> None:
    garbage(box, 1)
    (note,) = box.notes("sent what does not parse")
    assert (note.component, note.level) == ("WS", "warning")
    assert "#1" in note.text
    assert "not JSON" in note.text
    assert box.status()["counters"]["bad_frames"] == 1


def test_a_connection_that_keeps_sending_garbage_is_closed_for_policy_and_unregistered(box: ControllerBox) -> None:
    garbage(box, MAX_BAD_FRAMES - 1)
    assert box.link.ended == []
    garbage(box, 1)
    assert box.link.ended == [(1, "1008 too many frames that do not parse")]
    assert [note.level for note in box.notes("#1 closed: 10 frames that do not parse")] == ["error"]
    assert not box.traders.is_connected(KALSHI)
    garbage(box, 5)
    assert box.status()["counters"]["bad_frames"] == MAX_BAD_FRAMES


@pytest.mark.parametrize("bad", ["{", '{"no": "type"}', "[1]", '{"type": "ping", "timestamp": "noon"}'])
def test_every_kind_of_bad_frame_counts(box: ControllerBox, bad: str) -> None:
    for _ in range(MAX_BAD_FRAMES):
        box.receive(1, bad)
    assert box.link.ended


def test_a_frame_that_is_no_text_counts_too(box: ControllerBox) -> None:
    for _ in range(MAX_BAD_FRAMES):
        box.tell("bridge", LinkGarbage(1, "a binary frame"))
    assert box.link.ended == [(1, "1008 too many frames that do not parse")]


def test_good_frames_make_up_for_bad_ones(box: ControllerBox) -> None:
    for _ in range(5 * MAX_BAD_FRAMES):
        garbage(box, 1)
        box.receive(1, {"type": "pong"})
    assert box.link.ended == []


def test_good_frames_are_no_credit_for_bad_ones_to_come(box: ControllerBox) -> None:
    for _ in range(100):
        box.receive(1, {"type": "pong"})
    garbage(box, MAX_BAD_FRAMES)
    assert box.link.ended


def test_an_unknown_type_is_logged_ignored_and_no_offence(box: ControllerBox) -> None:
    for _ in range(3 * MAX_BAD_FRAMES):
        box.receive(1, {"type": "poem \ud800", "verses": 3})
    assert box.link.ended == []
    assert "ignored a message of unknown type 'poem \\ud800'" in texts(box, "WS")[-1]
    assert box.status()["counters"]["unknown_types"] == 3 * MAX_BAD_FRAMES


def test_garbage_on_one_connection_is_not_held_against_another(box: ControllerBox) -> None:
    box.say_hello(2)
    garbage(box, MAX_BAD_FRAMES - 1)
    garbage(box, MAX_BAD_FRAMES - 1, conn_id=2)
    assert box.link.ended == []


def test_a_session_hears_of_the_end_exactly_once(box: ControllerBox) -> None:
    session, received = inbox(box.host)
    box.tell("bridge", LinkOpened(7, "peer"))
    box.tell("bridge", Attach(7, session))
    box.tell("bridge", CloseLink(7, "enough", drop=True))
    box.tell("bridge", CloseLink(7, "enough again"))
    box.tell("bridge", LinkClosed(7, "reset"))
    box.tell("bridge", LinkClosed(7, "reset"))
    assert received == [LinkClosed(7, "enough")]


def test_a_connection_that_is_gone_before_its_session_is_attached_is_told_gone(box: ControllerBox) -> None:
    session, received = inbox(box.host)
    box.tell("bridge", Attach(9, session))
    assert received == [LinkClosed(9, "gone before the hello")]


def test_frames_of_a_connection_that_was_ended_reach_nobody(box: ControllerBox) -> None:
    session, received = inbox(box.host)
    box.tell("bridge", LinkOpened(7, "peer"))
    box.tell("bridge", Attach(7, session))
    box.tell("bridge", CloseLink(7, "enough"))
    received.clear()
    box.receive(7, {"type": "ping"})
    garbage(box, 3, conn_id=7)
    assert received == []


def test_nothing_is_written_to_a_connection_that_was_ended(box: ControllerBox) -> None:
    box.tell("bridge", CloseLink(1, "enough"))
    before = len(box.link.written[1])
    box.tell("bridge", Outgoing(1, Ping(timestamp=1)))
    assert len(box.link.written[1]) == before


def test_a_frame_that_is_no_text_proves_that_the_other_end_lives(box: ControllerBox) -> None:
    for _ in range(3):
        box.pass_time(14)
        box.tell("bridge", LinkGarbage(1, "a binary frame"))
    assert box.link.ended == []


def test_only_an_order_that_was_not_written_is_missed(box: ControllerBox) -> None:
    session, received = inbox(box.host)
    box.tell("bridge", LinkOpened(7, "peer"))
    box.tell("bridge", Attach(7, session))
    box.link.broken.add(7)
    box.host.tell(session, Say(box.address("bridge"), Outgoing(7, Ping(timestamp=1))))
    assert received == []
    box.host.tell(session, Say(box.address("bridge"), Outgoing(7, Ping(timestamp=1), LegId("l1"))))
    assert received == [NotWritten(LegId("l1"))]


def test_a_polite_close_has_its_code_and_a_drop_does_not_wait(box: ControllerBox) -> None:
    box.say_hello(2)
    box.tell("bridge", CloseLink(1, "bye", code=1001))
    box.tell("bridge", CloseLink(2, "too slow", drop=True))
    assert box.link.ended == [(1, "1001 bye"), (2, "too slow")]


def test_connections_and_their_end_are_logged_and_counted(box: ControllerBox) -> None:
    box.disconnect(1, "reset by peer")
    assert texts(box, "WS")[0] == "#1 connected: 127.0.0.1:1"
    assert "#1 disconnected: reset by peer" in texts(box, "WS")
    counters = box.status()["counters"]
    assert (counters["links_opened"], counters["links_closed"]) == (1, 1)
