"""A few lines through the provider's batch API: half the price, and answers in their own time.

What this measures of the `batch` layer: that the price rule holds (the usage's tier), how long a line
takes (seconds from the job's creation to its end, by the provider's own clock), and answers for the
comparison, for a batch must not change what a model says.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from costopt.model.clock import now_us
from costopt.model.exchange import (
    Attempt,
    AttemptState,
    Outcome,
    Refusal,
    Settled,
    Trouble,
    outcome_from,
)
from costopt.model.marks import Mark
from costopt.model.ports import BatchEndpoint, Progress, ReplayLedger, silent
from costopt.replay.execute.batch_job import Bench, Job, Unknown, Waits
from costopt.replay.execute.charges import Prices
from costopt.replay.executed import Done
from costopt.replay.items import Item

TRIES = 3
"""Submissions of a line while the provider says that none came about."""
AGAIN = (Trouble.RETRY, Trouble.NOT_SENT)


@dataclass(frozen=True)
class Batched:
    """What became of the lines."""

    done: dict[str, Done]
    """By item id; lines of a job that still runs are absent."""
    running: tuple[str, ...] = ()
    """One sentence for each job that was left behind: the run is resumable, and `--resume` collects it."""
    trouble: Refusal | None = None
    """Why nothing passes (a wrong key): the run should stop. Its lines are settled as failed where they
    had not been sent."""
    collected: int = 0
    """Lines that an earlier process had submitted or settled."""
    retries: int = 0


async def run_batches(
    items: Sequence[Item], endpoint: BatchEndpoint, ledger: ReplayLedger, run: int, money: Prices, *,
    retry_in_doubt: bool = False, poll_s: float = 10.0, longest_poll_s: float = 120.0,
    patience_s: float = 1800.0, absence_s: float = 90.0, progress: Progress = silent,
    now: Callable[[], int] = now_us, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Batched:  # fmt: skip
    """Submit `items` as one job a model, wait for them, settle each line by its custom_id.

    Every line stands in `ledger` as an attempt under the job's mark before the job is submitted, and
    the provider's id of the job is noted after. Called again for the same run after a crash it sends
    nothing twice: a job whose id was noted is collected, one whose id was not is looked for by its
    mark; where the provider has none for certain its lines are submitted anew, else they stay open
    (counted as in doubt) until a later `--resume` can tell. `ledger` is called from worker threads,
    one call at a time: where others write to it meanwhile, pass one that takes turns.
    Cancelled (Ctrl-C) it leaves jobs running at the provider: they will be charged, and collected by
    the next run.
    """
    until = now() + int(patience_s * 1_000_000)
    waits = Waits(poll_s, max(poll_s, longest_poll_s), until, absence_s, now, sleep)
    bench = Bench(endpoint, ledger, run, money, waits, asyncio.Lock())
    ids = {item.id for item in items}
    rows = [r for r in await asyncio.to_thread(ledger.attempts, run) if r[0].item in ids]
    batches = _Batches(bench, list(items), progress, retry_in_doubt, rows)
    noted = await asyncio.to_thread(ledger.jobs, run)
    jobs = batches.left_behind(noted) + batches.fresh()
    await asyncio.gather(*(batches.carry(job) for job in jobs))
    return batches.result()


@dataclass
class _Batches:
    """The state of one call of `run_batches`."""

    bench: Bench
    items: list[Item]
    progress: Progress
    retry_in_doubt: bool
    rows: list[tuple[Attempt, Settled | None]]
    """Attempts of these items, earlier processes' first."""
    running: list[str] = field(default_factory=list)
    trouble: Refusal | None = None
    retries: int = 0

    def __post_init__(self) -> None:
        self.collected = len({attempt.item for attempt, _ in self.rows})

    def left_behind(self, noted: Mapping[str, str]) -> list[Job]:
        """Jobs of an earlier process whose lines are open or in doubt: a batch may yet come back.
        `noted`: marks to provider ids."""
        by_id = {item.id: item for item in self.items}
        lines: dict[str, list[Attempt]] = defaultdict(list)
        for attempt, settled in self._last().values():
            if attempt.batch and (settled is None or settled.state is AttemptState.IN_DOUBT):
                lines[attempt.batch].append(attempt)
        return [
            Job(mark, tuple(by_id[a.item] for a in of_job), {a.item: a.number for a in of_job},
                noted.get(mark, ""), noted=True)
            for mark, of_job in lines.items()
        ]  # fmt: skip

    def fresh(self) -> list[Job]:
        """One job a model of the lines that may be sent: for the first time, or once more."""
        last = self._last()
        models: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in self.items:
            if item.id not in last or _may_be_sent_again(*last[item.id]):
                models[item.request.provider, item.request.model].append(item)
        numbers = {item: attempt.number for item, (attempt, _) in last.items()}
        return [
            self._job(lines, {line.id: numbers.get(line.id, 0) + 1 for line in lines})
            for lines in models.values()
        ]

    def _job(self, items: Sequence[Item], numbers: Mapping[str, int]) -> Job:
        ids = [f"{item.id}.{numbers[item.id]}" for item in items]
        mark = Mark.of(self.bench.run, ids, self.bench.waits.now())
        return Job(str(mark), tuple(items), numbers)

    async def carry(self, job: Job) -> None:
        """One job to its end."""
        submitted = await self._submitted(job)
        if submitted is not None:
            await self._collect(submitted)

    async def _submitted(self, job: Job) -> Job | None:
        """The job under the provider's id, with new submissions where one has not come about; None:
        its lines have been refused, or nobody can say yet."""
        for nth in range(TRIES):
            if not job.noted:
                self.rows += [(attempt, None) for attempt in self.bench.attempts(job)]
            got = await self.bench.submitted(job)
            if isinstance(got, Job):
                return got
            if isinstance(got, Unknown):
                self._leave(f"whether batch job {job.mark} was submitted is not known", got.stop)
                return None
            await self._settle(job, {item.id: got for item in job.items})
            if got.trouble is Trouble.STOP:
                self.trouble = self.trouble or got
            if got.trouble not in AGAIN or self.trouble or nth + 1 == TRIES:
                return None
            # A job that was never sent is sent at once; a server that refused is given time.
            if not job.noted and not await self.bench.waits.pause(nth, got.retry_after_s):
                return None
            self.retries += len(job.items)
            job = self._job(job.items, {i: n + 1 for i, n in job.numbers.items()})
        return None

    async def _collect(self, job: Job) -> None:
        got = await self.bench.collected(job)
        if got is None:
            return self._leave(f"batch job {job.id} still runs")
        if isinstance(got, Mapping):
            return await self._settle(job, got)
        if got.trouble is Trouble.STOP:
            return self._leave(f"batch job {job.id} was submitted and not collected", got)
        lost = f"batch job {job.id} cannot be read any more: {got.message}"
        unsure = Refusal(Trouble.UNSURE, lost, got.hint, got.status)
        await self._settle(job, {item.id: unsure for item in job.items})
        if self.retry_in_doubt and max(job.numbers.values()) < TRIES:
            self.retries += len(job.items)
            await self.carry(self._job(job.items, {i: n + 1 for i, n in job.numbers.items()}))

    async def _settle(self, job: Job, outcomes: Mapping[str, Outcome]) -> None:
        ended = {s.item: s for s in await self.bench.settle(job, outcomes)}
        self.rows = [r for r in self.rows if r[0].batch != job.mark or r[0].item not in ended]
        self.rows += [(attempt, ended[attempt.item]) for attempt in self.bench.attempts(job)]
        self.progress("batch lines", len(self._done()), len(self.items))

    def _leave(self, what: str, stop: Refusal | None = None) -> None:
        self.running.append(f"{what}; `costopt replay --resume` collects it")
        self.trouble = self.trouble or stop

    def _last(self) -> dict[str, tuple[Attempt, Settled | None]]:
        """Each line's last attempt, where there is one."""
        return {r[0].item: r for r in sorted(self.rows, key=lambda row: row[0].number)}

    def _done(self) -> dict[str, Done]:
        """Every line whose last attempt is settled."""
        usd: dict[str, int] = defaultdict(int)
        tries: dict[str, int] = defaultdict(int)
        for attempt, settled in self.rows:
            usd[attempt.item] += settled.usd_pusd if settled else attempt.worst_pusd
            tries[attempt.item] += 1
        return {
            item: Done(item, settled.state, tries[item], usd[item], _outcome(settled))
            for item, (_, settled) in self._last().items()
            if settled is not None
        }

    def result(self) -> Batched:
        return Batched(
            self._done(), tuple(self.running), self.trouble, self.collected, self.retries
        )


def _outcome(settled: Settled) -> Outcome | None:
    told = settled.outcome
    return outcome_from(told) if "answer" in told or "refusal" in told else None


def _may_be_sent_again(attempt: Attempt, settled: Settled | None) -> bool:
    """Nothing was charged, and the provider may take it another time."""
    if settled is None or attempt.number >= TRIES:
        return False
    outcome = _outcome(settled)
    return isinstance(outcome, Refusal) and outcome.trouble in AGAIN
