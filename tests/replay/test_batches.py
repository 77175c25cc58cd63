"""Lines through a batch API: noted before, never submitted twice, settled one by one, collected later."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from costopt.model.exchange import AttemptState, Completion, Outcome, Refusal, Trouble
from costopt.model.marks import Mark
from costopt.replay.execute.batches import Batched, run_batches
from costopt.replay.items import Item
from tests.replay.batch_fakes import (
    WORST,
    Clock,
    FakeBatches,
    HalfPrice,
    MemoryLedger,
    line,
)

UNSURE = Refusal(Trouble.UNSURE, "no answer")
LATER = Refusal(Trouble.RETRY, "later", status=429)
KEY = Refusal(Trouble.STOP, "wrong key", status=401)


def go(
    items: list[Item], endpoint: FakeBatches, ledger: MemoryLedger, clock: Clock | None = None, **more: Any
) -> Batched:  # fmt: skip
    clock = clock or Clock()
    run = run_batches(
        items, endpoint, ledger, 1, HalfPrice(), now=clock.now, sleep=clock.sleep, **more
    )
    return asyncio.run(run)


def states(ledger: MemoryLedger) -> list[tuple[str, int, str]]:
    return [(a.item[-1], a.number, s.state.value if s else "open") for a, s in ledger.rows]


def test_lines_stand_in_the_ledger_before_the_job_is_submitted_and_are_settled_at_the_batch_price() -> (
    None
):
    ledger, endpoint = MemoryLedger(), FakeBatches(polls=3)
    items = [line(1), line(2), line(3, "gpt-5.2-mini")]
    seen: list[tuple[int, int | None]] = []
    batched = go(items, endpoint, ledger, progress=lambda what, done, of: seen.append((done, of)))
    assert ledger.told.count("open") == 2 and ledger.told[0] == "open"  # a job a model
    assert sorted(len(lines) for lines in endpoint.jobs.values()) == [1, 2]
    assert {d.state for d in batched.done.values()} == {AttemptState.ANSWERED}
    assert {d.usd_pusd for d in batched.done.values()} == {20 * 5}
    done = batched.done[items[0].id].outcome
    assert isinstance(done, Completion) and done.answer.blocks[0].text == f"answer {items[0].id}"
    assert done.latency_ms == 754_000.0
    assert seen[-1] == (3, 3) and not batched.running and batched.trouble is None
    settled = ledger.rows[0][1]
    assert settled and settled.outcome["batch"]["tier_said"] == "batch"


def test_each_line_has_its_own_end() -> None:
    items = [line(n) for n in range(1, 6)]
    refused = Refusal(Trouble.REFUSED, "too long", status=400)
    lines: dict[str, Outcome | None] = {
        items[0].id: refused, items[1].id: Refusal(Trouble.UNREADABLE, "counts contradict"),
        items[2].id: None, items[3].id: Refusal(Trouble.NOT_SENT, "expired before it was run"),
    }  # fmt: skip
    ledger = MemoryLedger()
    batched = go(items, FakeBatches(lines=lines), ledger)
    assert [(batched.done[i.id].state.value, batched.done[i.id].usd_pusd) for i in items] == [
        ("failed", 0), ("unreadable", WORST), ("in_doubt", WORST), ("failed", 0), ("answered", 100),
    ]  # fmt: skip
    assert batched.done[items[2].id].outcome is None
    assert ledger.spent_pusd(1) == 2 * WORST + 100


def test_killed_between_sending_and_noting_the_job_is_found_and_not_made_twice() -> None:
    ledger, endpoint, items = MemoryLedger(), FakeBatches(submits=["killed"]), [line(1), line(2)]
    with pytest.raises(KeyboardInterrupt):
        go(items, endpoint, ledger)
    assert states(ledger) == [("1", 1, "open"), ("2", 1, "open")] and not ledger.noted
    batched = go(items, endpoint, ledger)
    assert len(endpoint.jobs) == 1 and batched.collected == 2
    assert states(ledger) == [("1", 1, "answered"), ("2", 1, "answered")]


def test_killed_before_sending_its_absence_is_certain_after_a_while_and_it_is_sent_then() -> None:
    ledger, endpoint, items, clock = MemoryLedger(), FakeBatches(), [line(1)], Clock()
    go(items, FakeBatches(submits=[UNSURE], finds=[UNSURE] * 100), ledger, patience_s=0)
    assert states(ledger) == [("1", 1, "open")]
    began = clock.us
    batched = go(items, endpoint, ledger, clock)
    assert clock.us - began >= 90_000_000
    assert states(ledger) == [("1", 1, "failed"), ("1", 2, "answered")]
    done = batched.done[items[0].id]
    assert (done.attempts, done.usd_pusd, len(endpoint.jobs)) == (2, 100, 1)


def test_a_lost_answer_to_the_submission_is_looked_up() -> None:
    ledger, endpoint = MemoryLedger(), FakeBatches(submits=[UNSURE], finds=[None, LATER, None])
    batched = go([line(1)], endpoint, ledger)
    assert len(endpoint.jobs) == 1 and states(ledger) == [("1", 1, "answered")]
    assert not batched.running


def test_a_job_that_outlasts_patience_is_left_and_collected_by_the_next_run() -> None:
    ledger, endpoint, items = MemoryLedger(), FakeBatches(polls=100), [line(1)]
    batched = go(items, endpoint, ledger, patience_s=600)
    assert batched.running == ("batch job job1 still runs; `costopt replay --resume` collects it",)
    assert not batched.done and states(ledger) == [("1", 1, "open")]
    endpoint.polls = 0
    assert not go(items, endpoint, ledger).running
    assert len(endpoint.jobs) == 1 and states(ledger) == [("1", 1, "answered")]


def test_settled_lines_are_never_sent_again() -> None:
    ledger, endpoint, items = MemoryLedger(), FakeBatches(), [line(1), line(2)]
    go(items, endpoint, ledger)
    again = go(items, endpoint, ledger)
    assert len(endpoint.jobs) == 1 and len(again.done) == 2 and again.collected == 2


def test_a_server_that_is_busy_is_asked_again_under_another_mark() -> None:
    ledger, endpoint = MemoryLedger(), FakeBatches(submits=[LATER])
    batched = go([line(1)], endpoint, ledger)
    assert states(ledger) == [("1", 1, "failed"), ("1", 2, "answered")] and batched.retries == 1
    assert len({a.batch for a, _ in ledger.rows}) == 2


def test_a_wrong_key_stops_and_nothing_is_charged() -> None:
    ledger, endpoint = MemoryLedger(), FakeBatches(submits=[KEY])
    batched = go([line(1)], endpoint, ledger)
    assert batched.trouble == KEY and states(ledger) == [("1", 1, "failed")]
    assert ledger.spent_pusd(1) == 0


def test_a_key_that_stops_working_leaves_a_submitted_job_open() -> None:
    ledger, endpoint, items = MemoryLedger(), FakeBatches(collects=[KEY]), [line(1)]
    batched = go(items, endpoint, ledger)
    assert batched.trouble == KEY and states(ledger) == [("1", 1, "open")]
    assert go(items, endpoint, ledger).trouble is None
    assert states(ledger) == [("1", 1, "answered")]


def test_a_job_that_cannot_be_read_any_more_is_in_doubt_and_sent_again_only_when_asked() -> None:
    gone = Refusal(Trouble.REFUSED, "no such job", status=404)
    ledger, endpoint, items = MemoryLedger(), FakeBatches(collects=[gone, gone, gone]), [line(1)]
    assert go(items, endpoint, ledger).done[items[0].id].state is AttemptState.IN_DOUBT
    assert go(items, endpoint, ledger).done[items[0].id].usd_pusd == WORST
    assert len(endpoint.jobs) == 1
    batched = go(items, endpoint, ledger, retry_in_doubt=True)
    assert states(ledger) == [("1", 1, "in_doubt"), ("1", 2, "answered")]
    assert batched.done[items[0].id].usd_pusd == WORST + 100


def test_where_jobs_cannot_be_listed_the_lines_stay_open() -> None:
    refused = Refusal(Trouble.REFUSED, "no list here", status=405)
    ledger = MemoryLedger()
    batched = go([line(1)], FakeBatches(submits=[UNSURE], finds=[refused]), ledger)
    assert states(ledger) == [("1", 1, "open")] and "is not known" in batched.running[0]


def test_a_cancelled_run_leaves_the_job_to_the_next() -> None:
    ledger, endpoint, items, clock = MemoryLedger(), FakeBatches(polls=5), [line(1)], Clock()

    async def cancelled() -> None:
        asyncio.get_running_loop().call_later(0.05, asyncio.current_task().cancel)  # type: ignore[union-attr]
        await run_batches(items, endpoint, ledger, 1, HalfPrice(), poll_s=60, now=clock.now)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert states(ledger) == [("1", 1, "open")] and list(ledger.noted.values()) == ["job1"]
    go(items, endpoint, ledger)
    assert len(endpoint.jobs) == 1 and states(ledger) == [("1", 1, "answered")]


def test_a_mark_reads_back_and_fits_where_it_must_stand() -> None:
    mark = Mark.of(7, ["a", "b"], 1_790_000_000_123_456)
    assert Mark.read(str(mark)) == mark and mark.lines == 2 and mark.at_s == 1_790_000_000
    assert len(str(mark)) <= 64 and mark != Mark.of(7, ["a", "b"], 1_790_000_000_123_457)
    with pytest.raises(ValueError, match="not the mark"):
        Mark.read("batch_123")
