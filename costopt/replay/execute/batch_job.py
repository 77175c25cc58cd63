"""The life of one batch job: noted, submitted, looked for after a crash, polled, settled line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count

from costopt.model.exchange import (
    Attempt,
    Completion,
    Outcome,
    Refusal,
    Settled,
    Trouble,
    outcome_json,
)
from costopt.model.ports import BatchEndpoint, ReplayLedger
from costopt.replay.execute.charges import TIER, Prices, charged
from costopt.replay.items import Item

NEVER_SENT = "the provider has no job under this mark: it was never sent"
_S = 1_000_000


@dataclass(frozen=True)
class Job:
    """Lines of one model that are submitted together."""

    mark: str
    items: tuple[Item, ...]
    numbers: Mapping[str, int]
    """Item id to the number of the attempt that this job is."""
    id: str = ""
    """The provider's; empty: not known yet."""
    noted: bool = False
    """Its attempts stand in the ledger from an earlier process: it may have been submitted."""


@dataclass(frozen=True)
class Unknown:
    """Nobody can say yet whether the job was submitted: its lines stay open."""

    stop: Refusal | None = None
    """Why nothing can be asked (a wrong key); None: patience ended."""


@dataclass(frozen=True)
class Waits:
    """How long is waited for what, in seconds."""

    poll_s: float
    """Between two looks at a job at first; the pause grows by half each time."""
    longest_poll_s: float
    until_us: int
    """When this process's patience ends."""
    absence_s: float
    """A provider that knows no job under a mark is believed once it has said so for this long: the
    submission may still be under way to it."""
    now: Callable[[], int]
    """UTC microseconds."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def pause(self, nth: int, asked_s: float | None = None) -> bool:
        """Wait for the nth time; False: patience is over."""
        left_s = (self.until_us - self.now()) / _S
        if left_s <= 0:
            return False
        wanted = min(self.longest_poll_s, self.poll_s * 1.5 ** min(nth, 40))
        await self.sleep(min(left_s, max(wanted, asked_s or 0.0)))
        return True


@dataclass(frozen=True)
class Bench:
    """What every job of a run works with."""

    endpoint: BatchEndpoint
    ledger: ReplayLedger
    run: int
    money: Prices
    waits: Waits
    turn: asyncio.Lock
    """The ledger is called by one at a time, in a thread of its own."""

    async def submitted(self, job: Job) -> Job | Refusal | Unknown:
        """The job with the provider's id; a refusal: it never came about, for certain."""
        if job.id:
            return job
        if not job.noted:
            await self._told(self.ledger.open, self.attempts(job))
            lines = [(item.id, item.request) for item in job.items]
            got = await self.endpoint.submit(lines, job.mark)
            if isinstance(got, str):
                return await self._named(job, got)
            if not _may_exist(got):
                return got
        return await self._looked_for(job)

    async def _looked_for(self, job: Job) -> Job | Refusal | Unknown:
        """Ask the provider for the job under its mark until it is there, or its absence is certain."""
        began = self.waits.now()
        for nth in count():
            found = await self.endpoint.find(job.mark)
            if isinstance(found, str):
                return await self._named(job, found)
            asked_s = None
            if isinstance(found, Refusal):
                if found.trouble in (Trouble.STOP, Trouble.REFUSED):
                    return Unknown(found if found.trouble is Trouble.STOP else None)
                asked_s, began = found.retry_after_s, self.waits.now()
            elif self.waits.now() - began >= self.waits.absence_s * _S:
                return Refusal(Trouble.NOT_SENT, NEVER_SENT)
            if not await self.waits.pause(nth, asked_s):
                break
        return Unknown()

    async def collected(self, job: Job) -> Mapping[str, Outcome] | Refusal | None:
        """Outcomes of an ended job; None: it still runs, or cannot be read for now."""
        for nth in count():
            got = await self.endpoint.collect(job.id)
            last = isinstance(got, Refusal) and got.trouble in (Trouble.STOP, Trouble.REFUSED)
            if last or isinstance(got, Mapping):
                return got
            asked = got.retry_after_s if isinstance(got, Refusal) else None
            if not await self.waits.pause(nth, asked):
                break
        return None

    def attempts(self, job: Job) -> list[Attempt]:
        """One a line, under the job's mark."""
        now = self.waits.now()
        return [
            Attempt(self.run, item.id, job.numbers[item.id], item.worst_pusd, now, job.mark)
            for item in job.items
        ]

    async def _named(self, job: Job, id: str) -> Job:
        await self._told(self.ledger.note_job, self.run, job.mark, id)
        return replace(job, id=id)

    async def settle(self, job: Job, outcomes: Mapping[str, Outcome]) -> list[Settled]:
        """Every line gets its last word, in one commit."""
        now = self.waits.now()
        settled = [self._settled(job, item, outcomes.get(item.id), now) for item in job.items]
        await self._told(self.ledger.settle, settled)
        return settled

    async def _told(self, method: Callable[..., None], *what: object) -> None:
        """Tell the ledger. A cancelled run waits for what it has begun to write."""
        async with self.turn:
            writing = asyncio.ensure_future(asyncio.to_thread(method, *what))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                await asyncio.wait([writing])
                raise

    def _settled(self, job: Job, item: Item, outcome: Outcome | None, now: int) -> Settled:
        # A line that the ended job does not mention is in doubt.
        state, usd = charged(item, outcome, self.money, TIER)
        told = outcome_json(outcome) if outcome is not None else {}
        told["batch"] = {"mark": job.mark, "job": job.id, "tier_said": tier_said(outcome)}
        return Settled(self.run, item.id, job.numbers[item.id], state, now, usd, told)


def tier_said(outcome: Outcome | None) -> str:
    """The tier as the provider's own body names it (`batch`, `default`, ...); empty: it does not say.

    A batch job is charged at the batch price whatever a body says; this is what can be checked of it.
    """
    if not isinstance(outcome, Completion):
        return ""
    usage = outcome.body.get("usage")
    said = usage.get("service_tier") if isinstance(usage, Mapping) else None
    said = said or outcome.body.get("service_tier")
    return said if isinstance(said, str) else ""


def _may_exist(refusal: Refusal) -> bool:
    """The submission reached the server and its answer does not exclude that a job was made."""
    if refusal.trouble in (Trouble.UNSURE, Trouble.UNREADABLE):
        return True
    return refusal.trouble is Trouble.RETRY and (refusal.status or 500) >= 500
