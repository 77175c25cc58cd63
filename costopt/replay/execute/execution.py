"""One process's part of a run: chains and batches side by side until they end, or may not go on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from costopt.model.exchange import Attempt, Settled
from costopt.model.ports import BatchEndpoint, Endpoint, Progress
from costopt.money import show
from costopt.replay.execute.batches import Batched, run_batches
from costopt.replay.execute.chains import Chain, chains
from costopt.replay.execute.charges import TIER, Prices
from costopt.replay.execute.journal import Journal, Turns
from costopt.replay.execute.limits import Patience
from costopt.replay.execute.sender import Sender
from costopt.replay.execute.spend import GO_ON, Spend
from costopt.replay.execute.stopping import Stopping, on_interrupt
from costopt.replay.execute.tally import Tally
from costopt.replay.executed import Executed, RunState
from costopt.replay.items import Item, Plan
from costopt.replay.terms import Terms

_TICK_S = 0.5


@dataclass
class Execution:
    """One process's part of a run."""

    run: int
    plan: Plan
    endpoint: Endpoint
    batch_endpoint: BatchEndpoint | None
    ledger: Turns
    terms: Terms
    money: Prices
    progress: Progress
    patience: Patience
    rows: Sequence[tuple[Attempt, Settled | None]]
    """Attempts of earlier processes."""
    tally: Tally = field(default_factory=Tally)
    lines: Tally = field(default_factory=Tally)
    """Of the batches."""
    batched: Batched | None = None

    def __post_init__(self) -> None:
        in_batches = {i.id for i in self.plan.items if self._in_a_batch(i)}
        self.tally.add(r for r in self.rows if r[0].item not in in_batches)
        retry = self.terms.retry_in_doubt
        live = [item for item in self.plan.items if item.id not in in_batches]
        self.batch = [item for item in self.plan.items if item.id in in_batches]
        self.left = [i for i in live if not self.tally.is_final(i.id, retry_in_doubt=retry)]
        self.resumed = len(live) - len(self.left)
        self.finished = 0
        """Items that this process is through with."""
        self.waits = False
        """For a batch job."""
        self.no_money_for = ""
        """Lines of a batch that did not fit into the budget; the others are sent."""
        self.spend = Spend(
            self.terms.budget_pusd, self.tally.settled_pusd, self.tally.in_doubt_pusd
        )

    def _in_a_batch(self, item: Item) -> bool:
        return self.batch_endpoint is not None and item.request.service_tier == TIER

    async def carry_out(self) -> None:
        """All of it, in the loop of the endpoints."""
        self.stopping = Stopping()
        journal = Journal(self.ledger)
        self.sender = Sender(
            self.run, self.endpoint, journal, self.tally, self.spend, self.money, self.terms,
            self.patience, self.stopping, random.Random(f"{self.terms.seed} {self.plan.id}"),
        )  # fmt: skip
        try:
            with on_interrupt(lambda: self.stopping.interrupt(self.patience.grace_s)):
                await self._all()
                if self.no_money_for:
                    self.stopping.stop(
                        RunState.STOPPED_BY_BUDGET, self.spend.told(self.no_money_for), GO_ON
                    )
                await self._closed(journal)
        except BaseException:
            with suppress(Exception):  # the first trouble is the one to be told
                await self._closed(journal)
            raise

    async def _closed(self, journal: Journal) -> None:
        try:
            await self.endpoint.close()
            if self.batch_endpoint is not None:
                await self.batch_endpoint.close()
        finally:  # what was answered is on disk, whatever closes badly
            await journal.close()

    async def _all(self) -> None:
        """The chains and the batches side by side, until they end or are abandoned."""
        queue: asyncio.Queue[Chain] = asyncio.Queue()
        for chain in chains(self.left, cold=self.terms.cold):
            queue.put_nowait(chain)
        side_by_side = min(max(1, self.terms.concurrency), max(1, len(self.left)))
        whole = asyncio.gather(queue.join(), self._batches())
        own = [asyncio.create_task(self._worker(queue)) for _ in range(side_by_side)]
        own.append(asyncio.create_task(self._tick()))
        tasks: list[asyncio.Future[Any]] = [whole, *own]
        try:
            ended, _ = await asyncio.wait(
                [*tasks, self.stopping.abandoned], return_when=asyncio.FIRST_COMPLETED
            )
            for task in ended:
                task.result()  # raises what ended it
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            total = len(self.left)
            self.progress(self._text(), total, total)

    async def _worker(self, queue: asyncio.Queue[Chain]) -> None:
        while True:
            chain = await queue.get()
            for item in chain.items:
                if self.stopping:
                    break
                await self.sender.send(item)
                self.finished += 1
                self._show()
            for waiting in chain.then:
                queue.put_nowait(waiting)
            queue.task_done()

    async def _batches(self) -> None:
        """The lines that go through the provider's batch API, if they fit into the budget."""
        if self.batch_endpoint is None or not self.batch:
            return
        mine = {item.id for item in self.batch}
        known = any(attempt.item in mine for attempt, _ in self.rows)
        reserved = sum(item.worst_pusd for item in self.batch)
        # What was submitted earlier may be charged already: it is collected in any case.
        if not self.spend.take(reserved, anyway=known):
            self.no_money_for = f"the batch lines may cost {show(reserved)} more"
            return
        lines = asyncio.ensure_future(run_batches(
            self.batch, self.batch_endpoint, self.ledger, self.run, self.money,
            retry_in_doubt=self.terms.retry_in_doubt, poll_s=self.patience.batch_poll_s,
            patience_s=self.patience.batch_s,
        ))  # fmt: skip
        stopped = asyncio.ensure_future(self._no_use_waiting())
        self.waits = True
        try:
            await asyncio.wait([lines, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (lines, stopped):
                task.cancel()
            await asyncio.gather(lines, stopped, return_exceptions=True)
            self.waits = False
        settled, in_doubt = await asyncio.to_thread(self._count_batches)
        self.spend.exchange(reserved, settled, in_doubt)
        if not lines.cancelled():
            self.batched = lines.result()
            if self.batched.trouble is not None:
                stop = self.batched.trouble
                self.stopping.stop(RunState.STOPPED, stop.message, stop.hint)

    async def _no_use_waiting(self) -> None:
        """Returns when the run is stopped by hand or by the endpoint: a spent budget lets jobs end."""
        await self.stopping.event.wait()
        while self.stopping.state is RunState.STOPPED_BY_BUDGET:
            await asyncio.sleep(_TICK_S)

    def _count_batches(self) -> tuple[int, int]:
        """Take their last words from the ledger: (settled, in doubt) pico-dollars."""
        if not self.batch:
            return 0, 0
        mine = {item.id for item in self.batch}
        self.lines = Tally()
        self.lines.add(r for r in self.ledger.attempts(self.run) if r[0].item in mine)
        return self.lines.settled_pusd, self.lines.in_doubt_pusd

    async def _tick(self) -> None:
        """The remaining time goes on while nothing comes back."""
        while True:
            await asyncio.sleep(_TICK_S)
            self._show()

    def _show(self) -> None:
        if self.finished < len(self.left) or not self.waits:
            self.progress(self._text(), self.finished, len(self.left))
        else:
            self.progress(f"waiting for {len(self.batch)} lines of a batch job", 0, None)

    def _text(self) -> str:
        spend = self.spend
        of = "" if spend.budget_pusd is None else f" of {show(spend.budget_pusd)}"
        text = f"replaying · {show(spend.settled_pusd + spend.in_doubt_pusd)}{of}"
        wait = self.sender.paused_s
        return f"{text} · the server asks to wait {wait:.0f} s" if wait >= 1 else text

    def executed(self, seconds: float) -> Executed:
        """What the run came to, from all that the ledger was told. Called after the loop has ended."""
        self._count_batches()
        stop, batched, live, lines = self.stopping, self.batched, self.tally, self.lines
        running = "; ".join(batched.running) if batched else ""
        return Executed(
            self.run, stop.state, {**live.words, **lines.words},
            live.settled_pusd + lines.settled_pusd, live.in_doubt_pusd + lines.in_doubt_pusd,
            live.retries + lines.retries, seconds,
            self.resumed + (batched.collected if batched else 0), stop.trouble, stop.hint or running,
        )  # fmt: skip

    @property
    def doubtful(self) -> bool:
        """The run can go on: of some request nobody knows what became."""
        return self.tally.doubtful or self.lines.doubtful
