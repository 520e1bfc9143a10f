"""Every refusal is counted; each episode is said once."""

from __future__ import annotations

from actors.risk.approval import Cap, Reason, Refused
from actors.risk.refusals import MAX_SUBJECTS, QUIET_US, Refusals
from tests.risk.kit import T0

FULL = Refused(reason=Reason.TOTAL, what="in total", text="...")
CASH = Refused(reason=Reason.CASH, what="kalshi", text="...")
CAP = Cap(reason=Reason.TOTAL, what="in total", text="...")


def test_a_thousand_ticks_are_counted_and_said_once() -> None:
    refusals = Refusals()
    assert [refusals.note(FULL, "pair_0", T0 + tick) for tick in range(1_000)] == [True] + [False] * 999
    assert refusals.note(CAP, "pair_1", T0)
    assert refusals.counts == {
        "refused": {"the limit in total": 1_000},
        "capped": {"the limit in total": 1},
    }


def test_another_reason_or_another_subject_is_another_episode() -> None:
    refusals = Refusals()
    assert refusals.note(FULL, "pair_0", T0)
    assert refusals.note(CASH, "pair_0", T0)
    assert refusals.note(FULL, "pair_1", T0)
    assert not refusals.note(FULL, "pair_0", T0)


def test_an_episode_ends_when_it_passes_or_was_quiet() -> None:
    refusals = Refusals()
    refusals.note(FULL, "pair_0", T0)
    refusals.passed("pair_0")
    assert refusals.note(FULL, "pair_0", T0 + 1)
    assert not refusals.note(FULL, "pair_0", T0 + QUIET_US)
    assert refusals.note(FULL, "pair_0", T0 + 2 * QUIET_US)


def test_subjects_are_not_remembered_without_end() -> None:
    refusals = Refusals()
    for number in range(MAX_SUBJECTS + 1):
        refusals.note(FULL, f"pair_{number}", T0)
    assert refusals.note(FULL, "pair_0", T0)
    assert not refusals.note(FULL, f"pair_{MAX_SUBJECTS}", T0)
