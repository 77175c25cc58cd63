"""A run whose policy batches: lines and live requests side by side, one ledger, one budget, one resume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from costopt.model.exchange import AttemptState, Completion, Refusal, Trouble
from costopt.model.ports import silent
from costopt.replay.execute.run import execute
from costopt.replay.executed import Executed, RunState
from costopt.replay.items import Item
from costopt.replay.terms import Terms
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
from tests.replay.batch_fakes import FakeBatches, completion, line
from tests.replay.made_plan import QUICK, TenEach, Told, plan, sessions

LINES = [line(n) for n in range(1, 4)]
LIVE = sessions(2, 2)
EAGER = replace(QUICK, batch_poll_s=0.005, batch_s=5.0)
LINE_PUSD, LIVE_PUSD, WORST = 20 * 5, 10 * 10, 1_000


@pytest.fixture
def ledger() -> Iterator[StoredReplays]:
    with Store.open(None) as store:
        yield StoredReplays(store)


def run(
    ledger: StoredReplays, batches: FakeBatches, live: Told | None = None, **more: Any
) -> Executed:
    items: list[Item] = [*LIVE, *LINES]
    terms = Terms(**{n: more.pop(n) for n in list(more) if n in Terms.__dataclass_fields__})
    given = {"patience": EAGER, "dataset": "d", "progress": silent, **more}
    given["batch_endpoint"] = batches
    return execute(plan(items), live or Told(), ledger, terms, TenEach(), **given)


def test_lines_go_through_the_batch_api_at_its_price_and_the_rest_live(
    ledger: StoredReplays,
) -> None:
    batches, live = FakeBatches(), Told()
    executed = run(ledger, batches, live)
    assert executed.state is RunState.DONE and len(executed.done) == 7
    assert sorted(live.seen) == [i.id for i in LIVE]
    assert list(batches.jobs.values()) == [[i.id for i in LINES]]
    assert executed.spent_pusd == 3 * LINE_PUSD + 4 * LIVE_PUSD == ledger.spent_pusd(1)
    outcome = executed.done[LINES[0].id].outcome
    assert isinstance(outcome, Completion) and outcome.latency_ms == completion("").latency_ms
    assert ledger.unfinished("plan") is None


def test_a_job_that_still_runs_leaves_the_run_resumable_and_the_next_collects_it(
    ledger: StoredReplays,
) -> None:
    batches, live = FakeBatches(polls=10**6), Told()
    first = run(ledger, batches, live, patience=replace(EAGER, batch_s=0.05))
    assert "still runs" in first.hint and "--resume" in first.hint
    assert {first.done[i.id].state for i in LINES} == {AttemptState.IN_DOUBT}
    assert first.in_doubt_pusd == 3 * WORST and ledger.unfinished("plan") == 1
    batches.polls = 0
    second = run(ledger, batches, live, resume=True)
    assert second.run == first.run and len(second.done) == 7 and second.in_doubt_pusd == 0
    assert len(batches.jobs) == 1 and len(live.seen) == 4


def test_a_wrong_key_for_the_batch_ends_the_run(ledger: StoredReplays) -> None:
    key = Refusal(Trouble.STOP, "wrong key", "look there", 401)
    executed = run(ledger, FakeBatches(submits=[key]), Told(latency_s=0.02))
    assert executed.state is RunState.STOPPED and executed.trouble == "wrong key"
    assert {executed.done[i.id].state for i in LINES} == {AttemptState.FAILED}


def test_lines_that_do_not_fit_into_the_budget_are_not_submitted(ledger: StoredReplays) -> None:
    batches = FakeBatches()
    executed = run(ledger, batches, budget_pusd=2 * WORST)
    assert not batches.jobs and not any(i.id in executed.done for i in LINES)
    assert executed.spent_pusd <= 2 * WORST
