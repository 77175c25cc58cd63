"""Lines of a batch beside requests that are sent at once: one run, one budget, one ledger."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from costopt.model.exchange import AttemptState, Refusal, Trouble
from costopt.model.ports import silent
from costopt.replay.execute.run import execute
from costopt.replay.executed import Executed, RunState
from costopt.replay.items import Item
from costopt.replay.terms import Terms
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
from tests.replay.batch_fakes import FakeBatches
from tests.replay.made_plan import CHARGE, QUICK, WORST, TenEach, Told, item, plan, sessions

S = AttemptState
FAST = replace(QUICK, batch_poll_s=0.01, batch_s=5.0)
BATCH_CHARGE = 100
"""Of `batch_fakes.completion`: twenty tokens at five."""


@pytest.fixture
def ledger() -> Iterator[StoredReplays]:
    with Store.open(None) as store:
        yield StoredReplays(store)


def lines(count: int) -> list[Item]:
    return [item(f"line{n}", session=100 + n, tier="batch") for n in range(count)]


def run(
    items: list[Item], live: Told, batches: FakeBatches | None, ledger: StoredReplays, **more: Any
) -> Executed:
    patience = more.pop("patience", FAST)
    return execute(
        plan(items), live, ledger, Terms(**more), TenEach(), dataset="d", progress=silent,
        batch_endpoint=batches, patience=patience,
    )  # fmt: skip


def test_both_ways_end_in_one_result(ledger: StoredReplays) -> None:
    live, batches = Told(), FakeBatches(polls=2)
    done = run([*sessions(2, 2), *lines(3)], live, batches, ledger, budget_pusd=7 * WORST)
    assert done.state is RunState.DONE and len(done.done) == 7
    assert not {i for i in live.seen if i.startswith("line")}
    assert batches.jobs == {"job1": ["line0", "line1", "line2"]}
    assert done.spent_pusd == 4 * CHARGE + 3 * BATCH_CHARGE == ledger.spent_pusd(done.run)
    assert ledger.unfinished("plan") is None


def test_without_a_batch_endpoint_the_lines_are_sent_at_the_usual_price(
    ledger: StoredReplays,
) -> None:
    done = run(lines(2), Told(), None, ledger)
    assert done.spent_pusd == 2 * CHARGE


def test_the_worst_case_of_a_batch_is_set_aside_while_it_runs(ledger: StoredReplays) -> None:
    """Two lines are reserved; of the rest of the budget no request is sent that could break it."""
    budget = 2 * WORST + 3 * CHARGE + WORST - 1
    done = run(
        [*sessions(1, 9), *lines(2)], Told(), FakeBatches(polls=8), ledger, budget_pusd=budget,
        concurrency=1,
    )  # fmt: skip
    assert done.state is RunState.DONE, "what the batch did not cost was free again"
    assert done.spent_pusd == 9 * CHARGE + 2 * BATCH_CHARGE <= budget


def test_lines_that_do_not_fit_are_not_sent(ledger: StoredReplays) -> None:
    batches = FakeBatches()
    items = [*sessions(1, 2), *lines(3)]
    done = run(items, Told(), batches, ledger, budget_pusd=3 * WORST - 1)
    assert not batches.jobs and done.spent_pusd == 2 * CHARGE and len(done.done) == 2
    assert done.state is RunState.STOPPED_BY_BUDGET and "batch lines" in done.trouble
    assert ledger.unfinished("plan") == done.run


def test_a_job_that_still_runs_is_collected_by_the_next(ledger: StoredReplays) -> None:
    items, batches = [*sessions(1, 2), *lines(2)], FakeBatches(polls=10**6)
    first = run(items, Told(), batches, ledger, patience=replace(FAST, batch_s=0.1))
    assert first.state is RunState.DONE and "job1 still runs" in first.hint
    assert first.in_doubt_pusd == 2 * WORST and first.spent_pusd == 2 * CHARGE
    batches.polls = 0
    live = Told()
    second = run(items, live, batches, ledger)
    assert second.run == first.run and not live.seen and len(batches.jobs) == 1
    assert second.spent_pusd == 2 * CHARGE + 2 * BATCH_CHARGE and second.in_doubt_pusd == 0
    assert ledger.unfinished("plan") is None


def test_ctrl_c_leaves_the_job_to_the_provider(ledger: StoredReplays) -> None:
    items, batches = [*sessions(1, 1), *lines(2)], FakeBatches(polls=10**6)

    class Pressed(FakeBatches):
        async def collect(self, job: str) -> Any:
            if self.looks == 3:
                signal.raise_signal(signal.SIGINT)
            return await FakeBatches.collect(self, job)

    batches = Pressed(polls=10**6)
    done = run(items, Told(), batches, ledger)
    assert done.state is RunState.INTERRUPTED and done.seconds < 3
    assert done.in_doubt_pusd == 2 * WORST
    assert {s for a, s in ledger.attempts(done.run) if a.batch} == {None}, "open: it is looked up"
    rest = run(items, Told(), FakeBatches(jobs=batches.jobs, marks=batches.marks), ledger)
    assert rest.state is RunState.DONE and rest.in_doubt_pusd == 0


def test_a_batch_api_that_lets_nothing_pass_ends_the_run(ledger: StoredReplays) -> None:
    stop = Refusal(Trouble.STOP, "the key is wrong", "export KEY", 401)
    live = Told(latency_s=0.02)
    done = run([*sessions(1, 50), *lines(1)], live, FakeBatches(submits=[stop]), ledger)
    assert done.state is RunState.STOPPED and done.trouble == "the key is wrong"
    assert len(live.seen) < 10


def test_the_ledger_is_called_by_one_at_a_time(ledger: StoredReplays) -> None:
    """The journal and the batches share it; `MemoryLedger`-like ones have no lock of their own."""
    inside = 0

    class Counted(StoredReplays):
        def settle(self, settled: Any) -> None:
            nonlocal inside
            inside += 1
            assert inside == 1
            super().settle(settled)
            inside -= 1

        open = StoredReplays.open

    done = run([*sessions(8, 4), *lines(5)], Told(), FakeBatches(), Counted(ledger._store))
    assert len(done.done) == 37
