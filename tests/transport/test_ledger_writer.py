"""The ledger's port: facts leave at once, are written in order on one thread, and every call is answered once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.facts import AnyFact
from tests.fact_kit import outcome, remark, seen, sent
from tests.transport.ledger_kit import sqlite_url
from transport.ledger import writer as writer_module
from transport.ledger.errors import LedgerConflict, LedgerError
from transport.ledger.store import LedgerStore
from transport.ledger.writer import LedgerWriter

BOUND_S = 20


class Store:
    """A store that holds back until it is let go, and fails when it is told to."""

    def __init__(self, *, open_gate: bool = True) -> None:
        self.batches: list[list[AnyFact]] = []
        self.threads: set[int] = set()
        self.began = threading.Event()
        self.gate = threading.Event()
        self.error: Exception | None = None
        self.contradicts: set[str] = set()
        if open_gate:
            self.gate.set()

    def append(self, facts: Sequence[AnyFact]) -> int:
        self.began.set()
        assert self.gate.wait(BOUND_S)
        self.threads.add(threading.get_ident())
        if self.error is not None:
            raise self.error
        bad = [fact for fact in facts if getattr(fact, "text", "") in self.contradicts]
        if bad:
            raise LedgerConflict(f"{bad} contradicts")
        self.batches.append(list(facts))
        return len(facts)

    @property
    def texts(self) -> list[str]:
        return [fact.text for batch in self.batches for fact in batch]  # type: ignore[union-attr]  # only remarks


class Answers:
    """What the writer said, in order; an answer is its token, or token and reason."""

    def __init__(self) -> None:
        self.said: list[int | tuple[int, str]] = []
        self.threads: set[int] = set()
        self.told = asyncio.Event()

    def done(self, token: int) -> None:
        self.threads.add(threading.get_ident())
        self.said.append(token)

    def failed(self, token: int, reason: str) -> None:
        self.said.append((token, reason))
        self.told.set()


def run(store: Store, script: Callable[[LedgerWriter, Answers], Awaitable[None]], **limits: int) -> Answers:
    """Run the script with a writer, close it, and return what it answered."""
    answers = Answers()

    async def main() -> None:
        writer = LedgerWriter(store, answers.done, answers.failed, **limits)
        try:
            await script(writer, answers)
        finally:
            store.gate.set()
            await writer.close()
        assert writer.depth == 0

    asyncio.run(asyncio.wait_for(main(), BOUND_S))
    return answers


async def begun(store: Store) -> None:
    """Until a batch is with the store."""
    assert await asyncio.to_thread(store.began.wait, BOUND_S)
    store.began.clear()


def test_write_returns_before_anything_is_written_and_the_answer_comes_on_the_loop() -> None:
    store = Store(open_gate=False)

    async def script(writer: LedgerWriter, answers: Answers) -> None:
        writer.write(1, [remark("a"), remark("b")])
        assert (store.batches, answers.said, writer.depth) == ([], [], 2)
        await begun(store)
        assert answers.said == []

    answers = run(store, script)
    assert (store.texts, answers.said) == (["a", "b"], [1])
    assert answers.threads == {threading.get_ident()}
    assert len(store.threads) == 1
    assert threading.get_ident() not in store.threads


def test_what_comes_meanwhile_goes_into_one_batch_in_order() -> None:
    store = Store(open_gate=False)

    async def script(writer: LedgerWriter, _answers: Answers) -> None:
        writer.write(0, [remark("0")])
        await begun(store)
        for token in range(1, 6):
            writer.write(token, [remark(f"{token}")])
        writer.write(6, [])

    answers = run(store, script)
    assert [len(batch) for batch in store.batches] == [1, 5]
    assert store.texts == ["0", "1", "2", "3", "4", "5"]
    assert answers.said == [0, 1, 2, 3, 4, 5, 6]


def test_a_batch_has_a_limit_and_a_call_is_never_cut_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_BATCH", 3)
    store = Store(open_gate=False)

    async def script(writer: LedgerWriter, _answers: Answers) -> None:
        for token, size in enumerate((1, 2, 2, 5, 1)):
            writer.write(token, [remark(f"{token}{index}") for index in range(size)])

    answers = run(store, script)
    assert [len(batch) for batch in store.batches] == [3, 2, 5, 1]
    assert store.texts == ["00", "10", "11", "20", "21", "30", "31", "32", "33", "34", "40"]
    assert answers.said == [0, 1, 2, 3, 4]


def test_after_a_failure_nothing_later_is_written_so_that_no_hole_is_left() -> None:
    store = Store(open_gate=False)

    async def script(writer: LedgerWriter, answers: Answers) -> None:
        writer.write(1, [remark("a")])
        await begun(store)
        writer.write(2, [remark("b")])
        store.error = LedgerError("the disk is full")
        store.gate.set()
        await answers.told.wait()
        store.error = None
        writer.write(3, [remark("c")])
        assert writer.broken == "the disk is full"
        assert writer.depth == 0

    answers = run(store, script)
    assert answers.said == [(1, "the disk is full"), (2, "the disk is full"), (3, "the disk is full")]
    assert store.batches == []


def test_any_other_exception_is_a_failure_too() -> None:
    store = Store()
    store.error = RuntimeError("surprise")

    async def script(writer: LedgerWriter, _answers: Answers) -> None:
        writer.write(1, [remark()])

    assert run(store, script).said == [(1, "the ledger failed: RuntimeError('surprise')")]


def test_a_contradiction_fails_its_own_call_alone() -> None:
    store = Store(open_gate=False)
    store.contradicts = {"bad"}

    async def script(writer: LedgerWriter, _answers: Answers) -> None:
        writer.write(0, [remark("0")])
        await begun(store)
        for token, text in enumerate(("a", "bad", "b"), 1):
            writer.write(token, [remark(text)])

    answers = run(store, script)
    assert store.texts == ["0", "a", "b"]
    zero, one, two, three = answers.said
    assert (zero, one, three) == (0, 1, 3)
    assert isinstance(two, tuple)
    assert two[0] == 2
    assert "contradicts" in two[1]


def test_a_failure_while_a_contradiction_is_looked_for_leaves_no_hole() -> None:
    class Failing(Store):
        def append(self, facts: Sequence[AnyFact]) -> int:
            if len(facts) == 1 and facts == [remark("b")]:
                raise LedgerError("the disk is full")
            return super().append(facts)

    store = Failing(open_gate=False)
    store.contradicts = {"bad"}

    async def script(writer: LedgerWriter, _answers: Answers) -> None:
        writer.write(0, [remark("0")])
        await begun(store)
        for token, text in enumerate(("a", "bad", "b", "c"), 1):
            writer.write(token, [remark(text)])

    answers = run(store, script)
    assert store.texts == ["0", "a"]
    assert [answer if isinstance(answer, int) else answer[0] for answer in answers.said] == [0, 1, 2, 3, 4]
    assert answers.said[3:] == [(3, "the disk is full"), (4, "the disk is full")]


def test_more_than_may_wait_is_a_failure_of_what_came_last() -> None:
    store = Store(open_gate=False)
    words = "more than 3 facts wait for the ledger: its disk or server is too slow"

    async def script(writer: LedgerWriter, answers: Answers) -> None:
        writer.write(1, [remark("a")])
        await begun(store)
        writer.write(2, [remark("b"), remark("c")])
        writer.write(3, [remark("d")])
        writer.write(4, [])
        assert (writer.broken, writer.depth, answers.said) == (words, 3, [])

    answers = run(store, script, max_waiting=3)
    assert store.texts == ["a", "b", "c"]
    assert answers.said == [1, 2, (3, words), (4, words)]


def test_closing_writes_what_was_taken_and_takes_no_more() -> None:
    store = Store()
    answers = Answers()

    async def main() -> None:
        writer = LedgerWriter(store, answers.done, answers.failed)
        for token in range(100):
            writer.write(token, [remark(f"{token}")])
        await writer.close()
        assert answers.said == list(range(100))
        with pytest.raises(RuntimeError, match="closed"):
            writer.write(100, [remark()])
        await writer.close()

    asyncio.run(main())
    assert len(store.texts) == 100


def test_a_caller_that_fails_to_listen_does_not_end_the_writing() -> None:
    store = Store()
    heard: list[int] = []
    loop_heard: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: loop_heard.append(str(context["message"]))
        )

        def done(token: int) -> None:
            heard.append(token)
            raise ValueError(token)

        writer = LedgerWriter(store, done, lambda _token, _reason: None)
        writer.write(1, [remark()])
        writer.write(2, [remark()])
        await writer.close()

    asyncio.run(main())
    assert heard == [1, 2]
    assert len(loop_heard) == 2


@given(sizes=st.lists(st.integers(0, 4), max_size=20), fails_at=st.integers(0, 25))
def test_each_call_is_answered_once_in_order_and_what_is_written_is_a_beginning(
    sizes: list[int], fails_at: int
) -> None:
    class Finite(Store):
        def append(self, facts: Sequence[AnyFact]) -> int:
            if len(self.texts) + len(facts) > fails_at:
                raise LedgerError("full")
            return super().append(facts)

    store = Finite()

    async def script(writer: LedgerWriter, _answers: Answers) -> None:
        for token, size in enumerate(sizes):
            writer.write(token, [remark(f"{token}.{index}") for index in range(size)])
            if token % 3 == 0:
                await asyncio.sleep(0)  # noqa: TID251 -- gives the loop its turn

    answers = run(store, script)
    everything = [f"{token}.{index}" for token, size in enumerate(sizes) for index in range(size)]
    assert store.texts == everything[: len(store.texts)]
    assert [answer if isinstance(answer, int) else answer[0] for answer in answers.said] == list(range(len(sizes)))
    durable = {text.partition(".")[0] for text in store.texts}
    assert durable <= {str(answer) for answer in answers.said if isinstance(answer, int)}
    kinds = [isinstance(answer, int) for answer in answers.said]
    assert kinds == sorted(kinds, reverse=True)


def test_on_a_real_ledger_done_means_that_another_reader_finds_it(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "ledger.db")
    found: list[int] = []

    async def main() -> None:
        with LedgerStore(url) as store, LedgerStore(url, read_only=True) as reader:

            def done(_token: int) -> None:
                found.append(len(list(reader.read())))

            writer = LedgerWriter(store, done, lambda token, reason: pytest.fail(f"{token}: {reason}"))
            for token in range(20):
                writer.write(token, [sent(f"t{token}-1"), seen(outcome(f"t{token}-1"))])
                if token % 4 == 0:
                    await asyncio.sleep(0)  # noqa: TID251 -- gives the loop its turn
            await writer.close()

    asyncio.run(main())
    assert len(found) == 20
    assert found == sorted(found)
    assert all(count >= 2 * (number + 1) for number, count in enumerate(found))
