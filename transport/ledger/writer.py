"""The ledger's port: takes facts without waiting, writes them in order on one thread, says when they are durable."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, Protocol

from actors.facts import AnyFact
from transport.ledger.errors import LedgerConflict, LedgerError

MAX_WAITING: Final = 100_000
"""Facts that may wait to be written; a ledger that is further behind than that has failed."""
MAX_BATCH: Final = 1_000
"""Facts of one transaction, unless a single :meth:`LedgerWriter.write` has more."""


class Call(NamedTuple):
    """One :meth:`LedgerWriter.write`; ``refused`` says why its facts are not to be written at all."""

    token: int
    facts: Sequence[AnyFact]
    refused: str | None


Answer = tuple[int, str | None]
"""A token and why its facts are not durable; None: they are."""


class FactStore(Protocol):
    """What the writer writes to."""

    def append(self, facts: Sequence[AnyFact]) -> int:
        """Record the facts durably, all or none, each once. Raises :class:`LedgerError`."""


class LedgerWriter:
    """Writes behind the controller's back, and never behind its knowledge.

    Guarantees: facts are recorded in the order of the :meth:`write` calls. Each call is answered exactly once, on the
    loop, in order: ``done(token)`` when its facts are durable, else ``failed(token, reason)``. After a failure nothing
    later is written either, because a ledger with a hole in it is worse than one that ends: every later call fails
    with the first reason, until a new process begins. The exception is a fact that contradicts the ledger
    (:class:`LedgerConflict`): its call alone fails, for what it would say is recorded already.

    What comes while a batch is being written goes into the next one, so a slow disk makes larger batches.
    """

    def __init__(
        self,
        store: FactStore,
        done: Callable[[int], None],
        failed: Callable[[int, str], None],
        *,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """Take the store over from here on; to be made inside the loop. The thread begins with the first write."""
        self._store = store
        self._done = done
        self._failed = failed
        self._max_waiting = max_waiting
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._waiting: deque[Call] = deque()
        self._depth = 0
        self._writing: asyncio.Task[None] | None = None
        # Why new calls are refused; and why what was taken before is not written either (the store failed).
        self._broken: str | None = None
        self._hole: str | None = None
        self._closed = False

    @property
    def depth(self) -> int:
        """Facts that are not durable yet."""
        return self._depth

    @property
    def broken(self) -> str | None:
        """Why nothing is written any more; None while all is well."""
        return self._broken

    def write(self, token: int, facts: Sequence[AnyFact]) -> None:
        """Take the facts and return at once."""
        if self._closed:
            raise RuntimeError("the ledger's writer is closed")
        if self._broken is None and self._depth + len(facts) > self._max_waiting:
            self._broken = f"more than {self._max_waiting} facts wait for the ledger: its disk or server is too slow"
        # Once broken, a call only waits for its turn to be told; those before it may still be written.
        call = Call(token, facts, None) if self._broken is None else Call(token, (), self._broken)
        self._waiting.append(call)
        self._depth += len(call.facts)
        if self._writing is None:
            self._writing = self._loop.create_task(self._write_all(), name="ledger")

    async def close(self) -> None:
        """Write and answer what was taken, and end the thread. The store stays open. Closing again does nothing."""
        self._closed = True
        if self._writing is not None:
            await self._writing
        self._thread.shutdown()

    async def _write_all(self) -> None:
        """Batch after batch until nothing waits."""
        while self._waiting:
            batch = self._next_batch()
            for token, reason in await self._write_batch(batch):
                # Not called from here: a caller's mistake must not end the writing.
                if reason is None:
                    self._loop.call_soon(self._done, token)
                else:
                    self._loop.call_soon(self._failed, token, reason)
            self._depth -= sum(len(call.facts) for call in batch)
        self._writing = None

    def _next_batch(self) -> list[Call]:
        """Calls that go into one transaction; a refused one stands alone."""
        batch = [self._waiting.popleft()]
        room = MAX_BATCH - len(batch[0].facts)
        while batch[-1].refused is None and self._waiting and len(self._waiting[0].facts) <= room:
            if self._waiting[0].refused is not None:
                break
            batch.append(self._waiting.popleft())
            room -= len(batch[-1].facts)
        return batch

    async def _write_batch(self, batch: list[Call]) -> list[Answer]:
        """What became of each call of the batch, in order."""
        refused = self._hole or batch[0].refused
        if refused is not None:
            return [(call.token, refused) for call in batch]
        answers, reason = await self._loop.run_in_executor(self._thread, self._append, batch)
        if reason is not None:
            self._hole = reason
            self._broken = self._broken or reason
        return answers + [(call.token, reason) for call in batch[len(answers) :]]

    def _append(self, batch: list[Call]) -> tuple[list[Answer], str | None]:
        """On the thread: the batch in one transaction. Answers up to the first failure, and that failure's reason."""
        try:
            self._store.append([fact for call in batch for fact in call.facts])
        except LedgerConflict as conflict:
            return ([(batch[0].token, str(conflict))], None) if len(batch) == 1 else self._append_singly(batch)
        except LedgerError as error:
            return [], str(error)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the facts are not durable, and that must be said
            return [], f"the ledger failed: {error!r}"
        return [(call.token, None) for call in batch], None

    def _append_singly(self, batch: list[Call]) -> tuple[list[Answer], str | None]:
        """Some fact contradicts the ledger: find the call that it belongs to, and write the others."""
        answers: list[Answer] = []
        for call in batch:
            answer, reason = self._append([call])
            answers += answer
            if reason is not None:
                return answers, reason
        return answers, None
