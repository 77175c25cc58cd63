"""The ledger from inside an event loop: one writer thread, and one commit for all that wait for it.

A request may be sent once `opened` has returned: then its attempt is on disk. What `settle` was told is on
disk before any attempt that is opened after it: a kill never leaves more attempts open than were under way.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from costopt.model.exchange import Attempt, Settled
from costopt.model.ports import ReplayLedger

_Entry = tuple[Attempt | Settled, asyncio.Future[None] | None]


class Journal:
    """Group commit. Made in the loop that uses it; `close` it there."""

    def __init__(self, ledger: ReplayLedger) -> None:
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._waiting: SimpleQueue[_Entry | None] = SimpleQueue()
        self._failed: BaseException | None = None
        self.commits = 0
        self._thread = threading.Thread(target=self._write, name="replay-journal", daemon=True)
        self._thread.start()

    async def opened(self, attempt: Attempt) -> None:
        """Returns when the attempt is on disk. Raises what the ledger raised, then and ever after."""
        await self._durable(attempt)

    async def settled(self, settled: Settled) -> None:
        """Returns when the settlement is on disk."""
        await self._durable(settled)

    def settle(self, settled: Settled) -> None:
        """The same without waiting: it is on disk before what is opened next."""
        self._waiting.put((settled, None))

    async def close(self) -> None:
        """Wait until all is on disk. Raises what the ledger raised."""
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)
        if self._failed is not None:
            raise self._failed

    async def _durable(self, entry: Attempt | Settled) -> None:
        noted = self._loop.create_future()
        self._waiting.put((entry, noted))
        await noted

    def _write(self) -> None:
        more = True
        while more:
            batch, more = self._gathered()
            if batch:
                self._commit(batch)

    def _gathered(self) -> tuple[list[_Entry], bool]:
        """All that waits, at least one entry; False: nothing comes after it."""
        entry = self._waiting.get()
        batch: list[_Entry] = []
        while entry is not None:
            batch.append(entry)
            try:
                entry = self._waiting.get_nowait()
            except Empty:
                return batch, True
        return batch, False

    def _commit(self, batch: list[_Entry]) -> None:
        """Settlements first: an attempt is only settled after it was opened in an earlier commit."""
        if self._failed is None:
            try:
                self._ledger.settle([e for e, _ in batch if isinstance(e, Settled)])
                self._ledger.open([e for e, _ in batch if isinstance(e, Attempt)])
                self.commits += 1
            except BaseException as error:  # raised again where it is waited for
                self._failed = error
        waiting = [noted for _, noted in batch if noted is not None]
        if waiting:
            self._loop.call_soon_threadsafe(_tell, waiting, self._failed)


def _tell(waiting: Sequence[asyncio.Future[None]], failed: BaseException | None) -> None:
    for noted in waiting:
        if noted.done():  # cancelled meanwhile
            continue
        if failed is None:
            noted.set_result(None)
        else:
            noted.set_exception(failed)


class Turns:
    """A ledger that several threads may call: each waits for its turn."""

    def __init__(self, ledger: ReplayLedger) -> None:
        self._ledger, self._turn = ledger, threading.Lock()

    def begin(self, dataset: str, plan: str, head: Mapping[str, Any]) -> int:
        with self._turn:
            return self._ledger.begin(dataset, plan, head)

    def unfinished(self, plan: str) -> int | None:
        with self._turn:
            return self._ledger.unfinished(plan)

    def open(self, attempts: Sequence[Attempt]) -> None:
        if attempts:
            with self._turn:
                self._ledger.open(attempts)

    def settle(self, settled: Sequence[Settled]) -> None:
        if settled:
            with self._turn:
                self._ledger.settle(settled)

    def note_job(self, run: int, mark: str, job: str) -> None:
        with self._turn:
            self._ledger.note_job(run, mark, job)

    def jobs(self, run: int) -> Mapping[str, str]:
        with self._turn:
            return self._ledger.jobs(run)

    def attempts(self, run: int) -> list[tuple[Attempt, Settled | None]]:
        with self._turn:
            return self._ledger.attempts(run)

    def finish(self, run: int, summary: Mapping[str, Any]) -> None:
        with self._turn:
            self._ledger.finish(run, summary)

    def spent_pusd(self, run: int) -> int:
        with self._turn:
            return self._ledger.spent_pusd(run)
