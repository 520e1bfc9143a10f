"""The ledger's store on both databases: each fact once, in order, durable or not at all, never changed."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from actors.fact import Fact
from actors.facts import AnyFact
from protocol.outcome import Outcome
from protocol.terms import POLYMARKET, Side, Status
from protocol.units import Money, Quantity
from tests.fact_kit import T0, adopted, of_risk, opened, outcome, over, remark, seen, sent, settled, unfilled, unknown
from tests.ground.project import ROOT
from tests.transport.ledger_kit import execute, fresh_database, on_every_database, sqlite_url
from transport.ledger import schema
from transport.ledger import store as store_module
from transport.ledger.engine import read_url, reason, shown
from transport.ledger.errors import LedgerConflict, LedgerError, LedgerMissing
from transport.ledger.rows import to_fact, to_row
from transport.ledger.store import LedgerStore

EVERY_KIND: list[AnyFact] = [
    opened(),
    sent(),
    seen(unknown()),
    seen(),
    adopted("t2-1"),
    over(),
    remark(),
    *of_risk(),
    settled(),
]
KEYED = EVERY_KIND[:5]


@pytest.fixture
def url(kind: str, tmp_path: Path) -> Iterator[str]:
    with fresh_database(kind, tmp_path) as found:
        yield found


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "ledger.db")


# Facts in, facts out


@on_every_database
def test_facts_are_read_as_they_were_written_and_in_that_order(url: str) -> None:
    with LedgerStore(url) as store:
        assert store.append(EVERY_KIND[:3]) == 3
        assert store.append(EVERY_KIND[3:]) == 10
        assert list(store.read()) == EVERY_KIND
    with LedgerStore(url) as store:
        assert list(store.read()) == EVERY_KIND
        assert [seq for seq, _ in store.entries()] == list(range(1, 14))


@on_every_database
def test_what_is_recorded_is_recorded_once(url: str) -> None:
    with LedgerStore(url) as store:
        assert store.append(KEYED) == 5
        assert store.append(KEYED) == 0
        assert store.append([*KEYED, sent("t3-1"), sent("t3-1")]) == 1
        assert list(store.read()) == [*KEYED, sent("t3-1")]
        assert store.problems() == []


@on_every_database
def test_reading_goes_on_after_a_place_and_page_by_page(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "PAGE", 3)
    facts = [seen(outcome(f"t{number}-1")) for number in range(9)]
    with LedgerStore(url) as store:
        assert (list(store.read()), store.last()) == ([], 0)
        store.append(facts)
        assert list(store.read()) == facts
        places = [seq for seq, _ in store.entries()]
        assert list(store.read(after=places[3])) == facts[4:]
        assert store.last() == places[-1]
        begun = store.read()
        next(begun)
        store.append([remark()])
        assert list(begun) == [*facts[1:], remark()]


@on_every_database
def test_nothing_is_appended_by_nothing(url: str) -> None:
    with LedgerStore(url) as store:
        assert store.append([]) == 0


@on_every_database
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (opened(), opened(quantity=Quantity(5))),
        (sent(), sent(side=Side.NO)),
        (sent(), adopted(platform=POLYMARKET)),
        (seen(outcome()), seen(outcome(filled=Quantity(5)))),
        (seen(outcome()), seen(outcome(fees=Money(1)))),
        (seen(outcome()), seen(outcome(final=False))),
        (seen(outcome()), seen(unfilled())),
    ],
)
def test_a_contradiction_is_refused_and_takes_its_whole_batch_with_it(
    url: str, first: AnyFact, second: AnyFact
) -> None:
    with LedgerStore(url) as store:
        store.append([first])
        with pytest.raises(LedgerConflict, match="contradicts what is recorded of it"):
            store.append([remark(), second, sent("t9-1")])
        assert list(store.read()) == [first]
        assert store.append([sent("t9-1")]) == 1


@on_every_database
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (opened(), opened(t=T0 + 5, edge=Money(0), description="said otherwise")),
        (sent(), sent(t=T0 + 5, path="local")),
        (adopted(), sent()),
        (sent(), adopted()),
        (seen(), seen(outcome(error="again", order_id=None, latency_ns=5), source="t1")),
    ],
)
def test_the_same_in_other_words_is_the_same(url: str, first: AnyFact, second: AnyFact) -> None:
    with LedgerStore(url) as store:
        assert (store.append([first]), store.append([second])) == (1, 0)
        assert list(store.read()) == [first]


@on_every_database
def test_an_unknown_and_its_proof_may_share_a_revision(url: str) -> None:
    facts = [seen(unknown()), seen(outcome()), seen(unknown(revision=-1)), seen(outcome(revision=1))]
    with LedgerStore(url) as store:
        assert (store.append(facts), store.append(facts)) == (4, 0)


@on_every_database
def test_what_has_no_key_may_be_said_again(url: str) -> None:
    with LedgerStore(url) as store:
        assert store.append([over(), over(), remark(), remark()]) == 4


# Never changed


@on_every_database
@pytest.mark.parametrize("statement", ["UPDATE arb_facts SET t = 0", "DELETE FROM arb_facts"])
def test_the_database_itself_refuses_to_change_a_fact(url: str, statement: str) -> None:
    with LedgerStore(url) as store:
        store.append(EVERY_KIND)
        with pytest.raises(Exception, match="facts are never changed or deleted"):
            execute(url, statement)
        assert list(store.read()) == EVERY_KIND


@on_every_database
@pytest.mark.parametrize("fact", KEYED)
def test_the_database_itself_refuses_a_second_one(url: str, fact: AnyFact) -> None:
    with LedgerStore(url) as store:
        store.append([fact])
        row = to_row(fact)
        columns = {name: f"'{value}'" for name, value in row.items() if value is not None}
        insert = f"INSERT INTO arb_facts ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"  # noqa: S608
        if url.startswith("sqlite"):
            insert = insert.replace("'True'", "1").replace("'False'", "0")
        with pytest.raises(Exception, match=r"(?i)unique"):
            execute(url, insert)


@pytest.mark.parametrize("fact", EVERY_KIND)
def test_no_float_is_stored(fact: AnyFact) -> None:
    def numbers(value: object) -> Iterator[object]:
        match value:
            case dict():
                for inner in value.values():
                    yield from numbers(inner)
            case list():
                for inner in value:
                    yield from numbers(inner)
            case bool() | str() | None:
                return
            case _:
                yield value

    row = to_row(fact)
    assert {type(number) for number in numbers(json.loads(row["body"]))} <= {int}
    assert not any(isinstance(value, float) for value in row.values())


def test_the_words_for_kinds_are_those_of_every_ledger_so_far() -> None:
    """They stand in ledgers and in their constraints: a class may be renamed, its word may not."""
    assert [to_row(fact)["kind"] for fact in EVERY_KIND] == [
        "tradeopened", "legsent", "resultseen", "resultseen", "legadopted", "tradeover", "remark",
        "riskstatechanged", "breakertripped", "breakercleared", "paidout", "paidout", "settled",
    ]  # fmt: skip
    words = " ".join(statement for migration in schema.MIGRATIONS["sqlite"] for statement in migration)
    assert all(f"'{kind}'" in words for kind in ("tradeopened", "legsent", "legadopted", "resultseen"))


TEXTS = st.text(max_size=20)
AMOUNTS = st.integers(-(2**60), 2**60)


@settings(max_examples=50)
@given(
    words=TEXTS.filter(lambda words: "\x00" not in words),
    amounts=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS),
    status=st.sampled_from(Status),
)
def test_any_result_comes_back_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, words: str, amounts: tuple[int, int, int], status: Status
) -> None:
    filled, cost, fees = amounts
    became = outcome(status=status, filled=Quantity(filled), cost=Money(cost), fees=Money(fees), error=words)
    facts: list[AnyFact] = [seen(became, source=words), remark(words)]
    with LedgerStore(sqlite_url(tmp_path_factory.mktemp("any") / "ledger.db")) as store:
        store.append(facts)
        assert list(store.read()) == facts
        assert [to_fact(to_row(fact)["body"]) for fact in facts] == facts


# The ledger itself


@on_every_database
def test_a_ledger_takes_its_id_once(url: str) -> None:
    with LedgerStore(url) as store:
        assert store.ledger_id() is None
        store.name_it("l1")
        with pytest.raises(LedgerError, match="has the id l1 already, and keeps it"):
            store.name_it("l2")
    with LedgerStore(url) as store:
        assert store.ledger_id() == "l1"


@on_every_database
def test_a_reader_reads_while_the_ledger_is_written_and_can_write_nothing(url: str) -> None:
    with LedgerStore(url) as store, LedgerStore(url, read_only=True) as reader:
        for number in range(3):
            store.append([sent(f"t{number}-1")])
            assert len(list(reader.read())) == number + 1
        for write in (lambda: reader.append([remark()]), lambda: reader.name_it("x")):
            with pytest.raises(LedgerError, match=r"(?i)read.?only"):
                write()
        assert len(list(store.read())) == 3


@on_every_database
def test_a_reader_makes_nothing_where_nothing_is(url: str) -> None:
    with pytest.raises(LedgerMissing, match="there is no ledger"):
        LedgerStore(url, read_only=True)


@on_every_database
def test_a_ledger_of_a_newer_arb_is_refused(url: str) -> None:
    LedgerStore(url).close()
    execute(url, "INSERT INTO arb_migrations (version) VALUES (99)")
    for read_only in (False, True):
        with pytest.raises(LedgerError, match=r"was written by a newer arb \(schema 99, this one knows 1\)"):
            LedgerStore(url, read_only=read_only)


@on_every_database
def test_a_newer_schema_is_reached_and_a_failing_one_is_left_whole(
    url: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LedgerStore(url) as store:
        store.append([remark()])
    first = schema.MIGRATIONS[kind]
    monkeypatch.setitem(
        schema.MIGRATIONS, kind, (*first, ("CREATE TABLE arb_more (x INTEGER)", "CREATE TABLE arb_facts (x INTEGER)"))
    )
    with pytest.raises(LedgerError, match="already exists"):
        LedgerStore(url)
    with pytest.raises(LedgerError, match=r"is of an older arb \(schema 1 of 2\): start the controller, it migrates"):
        LedgerStore(url, read_only=True)
    monkeypatch.setitem(schema.MIGRATIONS, kind, (*first, ("CREATE TABLE arb_more (x INTEGER)",)))
    with LedgerStore(url) as store:
        assert list(store.read()) == [remark()]
    assert execute(url, "SELECT version FROM arb_migrations ORDER BY version") == [(1,), (2,)]
    assert execute(url, "SELECT * FROM arb_more") == []


@on_every_database
@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        ("INSERT INTO arb_facts (t, kind, body) VALUES (1, 'remark', 'nonsense')", "fact 14 makes no sense: JSON is"),
        (
            "INSERT INTO arb_facts (t, kind, body) SELECT 5, kind, body FROM arb_facts WHERE kind = 'remark'",
            f"fact 14: t is 5, and its body says {T0}",
        ),
        ("DROP INDEX arb_facts_leg", "the constraint arb_facts_leg is not there"),
    ],
)
def test_problems_are_found(url: str, spoil: str, problem: str) -> None:
    with LedgerStore(url) as store:
        store.append(EVERY_KIND)
        assert store.problems() == []
        execute(url, spoil)
        assert [found[: len(problem)] for found in store.problems()] == [problem]


@on_every_database
def test_a_fact_that_is_there_twice_is_a_problem(url: str) -> None:
    with LedgerStore(url) as store:
        store.append(EVERY_KIND)
        twice = (
            "INSERT INTO arb_facts (t, kind, trade_id, leg_id, revision, proven, pair_id, body) "
            "SELECT t, kind, trade_id, leg_id, revision, proven, pair_id, body FROM arb_facts WHERE kind = 'legsent'"
        )
        execute(url, "DROP INDEX arb_facts_leg", twice)
        assert store.problems() == [
            "the constraint arb_facts_leg is not there",
            "fact 14 is recorded twice: leg of t1-1",
        ]


def test_a_fact_that_makes_no_sense_stops_the_reading_with_its_place(file_url: str) -> None:
    with LedgerStore(file_url) as store:
        store.append([remark()])
        execute(file_url, "INSERT INTO arb_facts (t, kind, body) VALUES (1, 'remark', '{}')")
        with pytest.raises(LedgerError, match=r"fact 2 makes no sense .* `arb ledger rebuild` tells more"):
            list(store.read())


def test_a_fact_with_fields_of_a_newer_arb_is_read_without_them(file_url: str) -> None:
    body = json.dumps(msgspec.json.decode(msgspec.json.encode(remark())) | {"colour": "red"})
    with LedgerStore(file_url) as store:
        execute(file_url, f"INSERT INTO arb_facts (t, kind, body) VALUES ({T0}, 'remark', '{body}')")  # noqa: S608
        assert list(store.read()) == [remark()]


# The file


def test_the_file_is_its_owners_alone_and_every_commit_is_synced(tmp_path: Path, file_url: str) -> None:
    with LedgerStore(file_url) as store:
        store.append([remark()])
        with store._engine.connect() as connection:
            pragmas = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
            ]
        assert pragmas == ["wal", 2]
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}


def test_a_file_deleted_beneath_us_takes_no_more_facts(tmp_path: Path, file_url: str) -> None:
    with LedgerStore(file_url) as store:
        (tmp_path / "ledger.db").unlink()
        for _ in range(2):
            with pytest.raises(LedgerError, match="was deleted or replaced while in use"):
                store.append([remark()])
    assert not (tmp_path / "ledger.db").exists()


def recipes(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (x)")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"\xa5" * 9_000), "is damaged"),
        (lambda path: path.mkdir(), "unable to open database file"),
        (recipes, "is no ledger"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(
    tmp_path: Path, file_url: str, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(tmp_path / "ledger.db")
    for read_only in (False, True):
        with pytest.raises(LedgerError, match=words) as caught:
            LedgerStore(file_url, read_only=read_only)
        assert str(tmp_path / "ledger.db") in str(caught.value)


FILLS_UP = """
import resource, sys
from tests.fact_kit import outcome, seen
from transport.ledger.store import LedgerStore
from transport.ledger.errors import LedgerError
store = LedgerStore(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
count = 0
try:
    while True:
        store.append([seen(outcome(f"t{count}-1")), seen(outcome(f"t{count + 1}-1"))])
        count += 2
except LedgerError as error:
    print(count, error)
"""


def test_a_full_disk_loses_nothing_and_leaves_no_half_batch(file_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLS_UP, file_url], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    count, _, words = done.stdout.partition(" ")
    assert "disk I/O error: its disk refuses to read or write" in words
    assert int(count) > 10
    with LedgerStore(file_url) as store:
        assert len(list(store.read())) == int(count)
        assert store.problems() == []


# URLs and secrets


@pytest.mark.parametrize(
    "text",
    ["", "ledger.db", "sqlite://", "sqlite:///ledger.db", "sqlite:///:memory:", "sqlite:////x.db?mode=ro",
     "mysql://u:hunter2@h/d", "postgresql://u:hunter2@h:port/d", "oracle://hunter2", "://hunter2"],
)  # fmt: skip
def test_a_url_that_does_not_serve_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(
        LedgerError, match=r"use sqlite:////path/to/ledger.db or postgresql://USER@HOST/DATABASE"
    ) as caught:
        LedgerStore(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sqlite:////var/lib/arb/ledger.db", "/var/lib/arb/ledger.db"),
        ("postgres://u:hunter2@host:5433/arb?sslpassword=hunter2", "postgresql://host:5433/arb"),
        ("postgresql+psycopg://u:hunter2@/arb", "postgresql://local socket/arb"),
    ],
)
def test_a_ledger_is_shown_without_its_secrets(text: str, words: str) -> None:
    assert shown(read_url(text)) == words


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    pytest.importorskip("psycopg", reason="the driver of PostgreSQL is not installed")
    with pytest.raises(
        LedgerError, match=r"ledger postgresql://127.0.0.1:9/arb: .*refused.*is the server up"
    ) as caught:
        LedgerStore("postgresql://u:hunter2@127.0.0.1:9/arb")
    assert "hunter2" not in str(caught.value)


def test_a_password_that_an_error_repeats_is_taken_out_of_it() -> None:
    url = read_url("postgresql://u:hunter2@host/arb")
    said = reason(url, OperationalError("connect", {}, Exception("cannot connect with\n password=hunter2")))
    assert said.startswith("ledger postgresql://host/arb: cannot connect with password=***: is the server up")


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match=r"needs psycopg: pip install 'arb\[postgresql\]'"):
        LedgerStore("postgresql://u@h/d")


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_server_that_does_not_wait_for_its_disk_is_told_to(url: str) -> None:
    hasty = url.replace("-csearch_path", "-csynchronous_commit%3Doff%20-csearch_path")
    with LedgerStore(hasty) as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


# Every fact has a row


def test_every_kind_of_fact_is_tested_here() -> None:
    assert {type(fact) for fact in EVERY_KIND} == set(Fact.__subclasses__())


def test_a_row_repeats_what_the_constraints_need() -> None:
    row: dict[str, Any] = to_row(seen(Outcome(leg_id=sent().leg_id, status=Status.UNKNOWN, revision=4)))
    assert (row["leg_id"], row["revision"], row["proven"], row["trade_id"]) == ("t1-1", 4, False, "t1")
