"""`arb simulate` as a person and a program use it."""

from __future__ import annotations

import json

import pytest

from cli.error import CliError
from cli.simulate import read_seeds
from tests.cli.process import arb


def test_seeds_are_a_range_with_both_ends_or_one() -> None:
    assert read_seeds("0..199") == range(200)
    assert read_seeds("7") == range(7, 8)
    for wrong in ("", "a", "1..", "5..3", "1-3", "0..999999999"):
        with pytest.raises(CliError):
            read_seeds(wrong)


def test_many_worlds_say_what_they_held() -> None:
    done = arb("simulate", "--seeds", "0..3", "--minutes", "1", "--jobs", "2")
    assert done.code == 0, done.err
    assert done.out.startswith("4 seeds, ")
    assert "every invariant held" in done.out


def test_json_for_programs() -> None:
    done = arb("simulate", "--seeds", "0..1", "--minutes", "1", "--jobs", "1", "--json")
    document = json.loads(done.out)
    assert document["seeds"] == 2
    assert document["broken"] == []
    assert document["trades"] > 0


def test_one_world_with_its_trace() -> None:
    done = arb("simulate", "--seed", "3", "--minutes", "0.5", "--trace")
    assert done.code == 0
    assert "execute_leg" in done.out or "order sent" in done.out
    digest = done.out.rsplit("trace ", 1)[1].split()[0]
    again = arb("simulate", "--seed", "3", "--minutes", "0.5", "--json")
    assert json.loads(again.out)["result"]["digest"] == digest


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--seeds", "9..1"), "must not be below"),
        (("--seeds", "1..2", "--seed", "1"), "exclude each other"),
        (("--trace",), "--trace needs --seed"),
        (("--minutes", "0"), "--minutes must be above 0"),
    ],
)
def test_what_makes_no_sense_is_said(flags: tuple[str, ...], word: str) -> None:
    done = arb("simulate", *flags)
    assert done.code == 2
    assert word in done.err
