"""Carry a plan out under the ledger: begin or go on, send chain by chain, stop where it must, and tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from costopt.errors import UsageError
from costopt.model.clock import now_us
from costopt.model.ports import BatchEndpoint, Endpoint, Progress, ReplayLedger
from costopt.replay.execute.charges import Prices
from costopt.replay.execute.execution import Execution
from costopt.replay.execute.journal import Turns
from costopt.replay.execute.limits import Patience
from costopt.replay.execute.tally import settle_what_is_open
from costopt.replay.executed import Executed, RunState
from costopt.replay.items import Plan
from costopt.replay.terms import Terms


def execute(
    plan: Plan, endpoint: Endpoint, ledger: ReplayLedger, terms: Terms, money: Prices, *,
    dataset: str, progress: Progress, resume: bool = False, fresh: bool = False,
    batch_endpoint: BatchEndpoint | None = None, patience: Patience | None = None,
) -> Executed:  # fmt: skip
    """Send what was planned and is not settled yet. Closes the endpoints: they belong to its loop.

    An unfinished run of the same plan goes on by itself; `resume` demands that there be one, `fresh`
    starts anew. Raises UsageError, and what the ledger raises; a server's trouble is in the result.
    """
    began = time.monotonic()
    turns = Turns(ledger)
    run = _number(plan, endpoint, turns, terms, dataset, resume=resume, fresh=fresh)
    rows = turns.attempts(run)
    settle_what_is_open(turns, rows, now_us())
    work = Execution(
        run, plan, endpoint, batch_endpoint, turns, terms, money, progress, patience or Patience(),
        rows,
    )  # fmt: skip
    _in_a_loop(work.carry_out())
    executed = work.executed(time.monotonic() - began)
    if executed.state is RunState.DONE and not work.doubtful:
        turns.finish(run, _summary(executed))
    return executed


def _number(
    plan: Plan, endpoint: Endpoint, ledger: ReplayLedger, terms: Terms, dataset: str, *,
    resume: bool, fresh: bool,
) -> int:  # fmt: skip
    """The run that goes on, or a new one."""
    if len({item.id for item in plan.items}) != len(plan.items):
        raise ValueError("two requests of the plan have one id")
    found = None if fresh else ledger.unfinished(plan.id)
    if found is not None:
        return found
    if resume:
        raise UsageError(
            "there is no unfinished replay of this plan to go on with.",
            hint="Without --resume it starts one; another policy, sample or endpoint is another plan.",
        )
    head = {
        "endpoint": endpoint.name, "origin": endpoint.origin.value, "requests": len(plan.items),
        "expected_pusd": plan.expected_pusd, "worst_pusd": plan.worst_pusd,
        "budget_pusd": terms.budget_pusd,
    }  # fmt: skip
    return ledger.begin(dataset, plan.id, head)


def _in_a_loop(work: Awaitable[None]) -> None:
    """Run it in a loop of its own; where one runs already (a notebook), in another thread."""

    async def whole() -> None:
        await work

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(whole())
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, whole()).result()


def _summary(executed: Executed) -> dict[str, object]:
    return {
        "state": executed.state.value, "done": len(executed.done), "spent_pusd": executed.spent_pusd,
        "retries": executed.retries,
    }  # fmt: skip
