"""What is sent, what is charged, and what stands in the ledger, whatever the server does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from costopt.errors import UsageError
from costopt.model.exchange import AttemptState, Limits, Origin, Outcome, Refusal, Trouble
from costopt.model.ports import silent
from costopt.replay.execute.run import execute
from costopt.replay.executed import Executed, RunState
from costopt.replay.items import Plan
from costopt.replay.terms import Terms
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
from tests.replay.made_plan import (
    CHARGE,
    QUICK,
    WORST,
    TenEach,
    Told,
    answer,
    item,
    plan,
    refusal,
    sessions,
)

S = AttemptState


@pytest.fixture
def ledger() -> Iterator[StoredReplays]:
    with Store.open(None) as store:
        yield StoredReplays(store)


def run(plan: Plan, endpoint: Told, ledger: StoredReplays, **more: Any) -> Executed:
    terms = Terms(**{n: more.pop(n) for n in list(more) if n in Terms.__dataclass_fields__})
    more.setdefault("patience", QUICK)
    more.setdefault("progress", silent)
    return execute(plan, endpoint, ledger, terms, TenEach(), dataset="d", **more)


def states(executed: Executed) -> dict[str, AttemptState]:
    return {name: done.state for name, done in executed.done.items()}


def agree(executed: Executed, ledger: StoredReplays) -> None:
    """The result and the ledger say the same."""
    rows = ledger.attempts(executed.run)
    assert ledger.spent_pusd(executed.run) == executed.spent_pusd + executed.in_doubt_pusd
    assert sum(d.attempts for d in executed.done.values()) == len(rows)
    assert sum(d.usd_pusd for d in executed.done.values()) == ledger.spent_pusd(executed.run)
    last = {a.item: s for a, s in rows}
    assert {n: s.state for n, s in last.items() if s} == states(executed)


def test_all_is_sent_once_and_charged_as_measured(ledger: StoredReplays) -> None:
    endpoint = Told()
    done = run(plan(sessions(5, 4)), endpoint, ledger, concurrency=3)
    assert done.state is RunState.DONE and len(done.done) == 20 and not done.trouble
    assert sorted(endpoint.seen) == sorted(i.id for i in sessions(5, 4))
    assert set(states(done).values()) == {S.ANSWERED} and endpoint.most <= 3
    assert done.spent_pusd == 20 * CHARGE and done.in_doubt_pusd == 0 and done.retries == 0
    assert endpoint.closed == 1 and ledger.unfinished("plan") is None
    agree(done, ledger)


def test_an_attempt_is_in_the_ledger_before_it_is_sent(ledger: StoredReplays) -> None:
    missing: list[str] = []

    def look(name: str) -> None:
        known = {a.item for a, _ in ledger.attempts(1)}
        missing.extend({name} - known)

    run(plan(sessions(6, 2)), Told(before=look), ledger, concurrency=6)
    assert not missing


def test_a_settled_request_is_in_the_ledger_before_the_next_of_its_place(
    ledger: StoredReplays,
) -> None:
    """A kill leaves no more attempts open than were under way."""
    most = 0

    def look(_: str) -> None:
        nonlocal most
        most = max(most, sum(s is None for _, s in ledger.attempts(1)))

    run(plan(sessions(8, 6)), Told(before=look), ledger, concurrency=4)
    assert 1 <= most <= 4


def test_a_session_goes_in_its_order_and_what_is_compared_follows(ledger: StoredReplays) -> None:
    items = [
        item("p2", place=2), item("p0"), item("p1", place=1), item("b0", arm=_arm("baseline")),
        item("n1", place=1, arm=_arm("noise")), item("n0", arm=_arm("noise")),
        item("l1", place=1, arm=_arm("layer"), layers=("window",)),
        item("l0", arm=_arm("layer"), layers=("window",)),
        item("k0", arm=_arm("layer"), layers=("memory",)), item("x0", session=1),
    ]  # fmt: skip
    endpoint = Told()
    run(plan(items), endpoint, ledger, concurrency=8)
    seen = endpoint.seen
    main = [s for s in seen if s[0] in "pb"]
    assert main == ["p0", "p1", "p2", "b0"]
    assert min(seen.index(s) for s in ("n0", "l0", "k0")) > seen.index("b0")
    assert seen.index("n0") < seen.index("n1") and seen.index("l0") < seen.index("l1")
    assert seen.index("x0") < 2 and endpoint.most >= 2


def test_cold_takes_the_plans_own_order(ledger: StoredReplays) -> None:
    items = [item(f"i{n}", session=n % 2, place=9 - n) for n in range(10)]
    endpoint = Told()
    run(plan(items), endpoint, ledger, concurrency=1, cold=True)
    assert endpoint.seen == [f"i{n}" for n in reversed(range(10))]


def _arm(name: str) -> Any:
    from costopt.replay.items import Arm

    return Arm(name)


TROUBLES = [
    (refusal(Trouble.UNSURE), S.IN_DOUBT, WORST, 1),
    (refusal(Trouble.UNREADABLE), S.UNREADABLE, WORST, 1),
    (refusal(Trouble.REFUSED, 422), S.FAILED, 0, 1),
    (refusal(Trouble.RETRY, 500), S.FAILED, 0, 6),
    (refusal(Trouble.RETRY, 429), S.FAILED, 0, 6),
    (answer(None), S.ANSWERED, WORST, 1),
    (answer(7), S.ANSWERED, 70, 1),
]


@pytest.mark.parametrize(("outcome", "state", "usd", "sendings"), TROUBLES)
def test_each_trouble_has_its_price_and_its_number_of_tries(
    ledger: StoredReplays, outcome: Any, state: AttemptState, usd: int, sendings: int
) -> None:
    endpoint = Told({"odd": [outcome] * 9})
    items = [item("a"), item("odd", place=1), item("z", place=2)]
    done = run(plan(items), endpoint, ledger, concurrency=1)
    odd = done.done["odd"]
    assert (odd.state, odd.usd_pusd, odd.attempts) == (state, usd, sendings)
    assert endpoint.seen == ["a", *["odd"] * sendings, "z"]
    assert done.state is RunState.DONE and done.retries == sendings - 1
    assert done.spent_pusd + done.in_doubt_pusd == usd + 2 * CHARGE
    assert done.in_doubt_pusd == (usd if state is S.IN_DOUBT else 0)
    agree(done, ledger)


def test_what_the_server_puts_off_is_sent_again_until_it_passes(ledger: StoredReplays) -> None:
    late: list[Outcome] = [refusal(Trouble.RETRY, 503), refusal(Trouble.NOT_SENT), answer()]
    done = run(plan([item("a"), item("b", place=1)]), Told({"b": late}), ledger)
    assert done.done["b"].attempts == 3 and done.done["b"].state is S.ANSWERED
    assert done.spent_pusd == 2 * CHARGE and done.retries == 2
    agree(done, ledger)


def test_retry_after_pauses_everyone(ledger: StoredReplays) -> None:
    endpoint = Told({"s000t000": [refusal(Trouble.RETRY, 429, after=0.15)]}, latency_s=0.01)
    run(plan(sessions(4, 3)), endpoint, ledger, concurrency=4)
    gaps = [b - a for a, b in zip(endpoint.at, endpoint.at[1:], strict=False)]
    assert max(gaps) >= 0.13, "nothing went out meanwhile"
    assert len(endpoint.seen) == 13


def test_headers_that_say_nothing_is_left_are_believed(ledger: StoredReplays) -> None:
    told = answer()
    empty = type(told)(
        told.answer, told.origin, {}, 1.0, limits=Limits(requests_left=0, requests_reset_s=0.12)
    )
    endpoint = Told({"s000t000": [empty]})
    run(plan(sessions(1, 2)), endpoint, ledger)
    assert endpoint.at[1] - endpoint.at[0] >= 0.1


def test_providers_pause_by_themselves(ledger: StoredReplays) -> None:
    slow = refusal(Trouble.RETRY, 429, after=0.2)
    items = [item("slow", session=9, provider="anthropic"), *sessions(1, 5)]
    endpoint = Told({"slow": [slow]})
    run(plan(items), endpoint, ledger, concurrency=2)
    assert endpoint.seen[-1] == "slow"


@pytest.mark.parametrize("trouble", [Trouble.STOP, Trouble.NOT_SENT])
def test_an_endpoint_that_lets_nothing_pass_ends_the_run(
    ledger: StoredReplays, trouble: Trouble
) -> None:
    endpoint = Told(otherwise=lambda *_: refusal(trouble, 401))
    done = run(plan(sessions(20, 5)), endpoint, ledger, concurrency=4)
    assert done.state is RunState.STOPPED and done.trouble == f"the server says {trouble.value}"
    assert done.hint == "look there" and done.spent_pusd == done.in_doubt_pusd == 0
    assert len(endpoint.seen) <= 4 * 3
    agree(done, ledger)
    mended = run(plan(sessions(20, 5)), Told(), ledger, concurrency=4)
    assert mended.run == done.run and mended.state is RunState.DONE and len(mended.done) == 100
    agree(mended, ledger)


def test_a_server_that_is_not_well_is_left_alone(ledger: StoredReplays) -> None:
    """Eight requests in a row that failed in all their attempts, or broke off: the rest keeps its money."""
    endpoint = Told(otherwise=lambda *_: refusal(Trouble.UNSURE))
    done = run(plan(sessions(50, 1)), endpoint, ledger, concurrency=1)
    assert done.state is RunState.STOPPED and len(endpoint.seen) == 8
    assert done.in_doubt_pusd == 8 * WORST


def test_a_pause_of_hours_ends_the_run_instead(ledger: StoredReplays) -> None:
    endpoint = Told({"s000t001": [refusal(Trouble.RETRY, 429, after=7200)]})
    done = run(plan(sessions(1, 3)), endpoint, ledger)
    assert done.state is RunState.STOPPED and "--resume" in done.hint
    assert states(done) == {"s000t000": S.ANSWERED, "s000t001": S.FAILED}


@pytest.mark.parametrize("concurrency", [1, 7])
def test_the_budget_is_never_broken_and_used_to_its_end(
    ledger: StoredReplays, concurrency: int
) -> None:
    budget = (
        10 * CHARGE + WORST - 1
    )  # the eleventh answer may still be asked for, not its worst case
    worst_seen = 0

    def look(_: str) -> None:
        nonlocal worst_seen
        worst_seen = max(worst_seen, ledger.spent_pusd(1))

    done = run(
        plan(sessions(30, 1)),
        Told(before=look),
        ledger,
        concurrency=concurrency,
        budget_pusd=budget,
    )
    assert done.state is RunState.STOPPED_BY_BUDGET and "$" in done.trouble
    assert len(done.done) == 10 and done.spent_pusd == 10 * CHARGE
    assert worst_seen <= budget
    assert ledger.unfinished("plan") == done.run
    agree(done, ledger)


def test_doubt_counts_against_the_budget(ledger: StoredReplays) -> None:
    endpoint = Told({"s000t000": [refusal(Trouble.UNSURE)]})
    done = run(
        plan(sessions(1, 9)), endpoint, ledger, concurrency=1, budget_pusd=2 * WORST + CHARGE
    )
    assert [d.state for d in done.done.values()] == [S.IN_DOUBT, S.ANSWERED, S.ANSWERED]
    assert done.spent_pusd + done.in_doubt_pusd == WORST + 2 * CHARGE


def test_a_budget_of_the_worst_case_sends_all(ledger: StoredReplays) -> None:
    whole = plan(sessions(6, 2))
    done = run(whole, Told(otherwise=lambda *_: answer(None)), ledger, budget_pusd=whole.worst_pusd)
    assert done.state is RunState.DONE and done.spent_pusd == whole.worst_pusd


def test_recorded_answers_cost_nothing(ledger: StoredReplays) -> None:
    done = run(plan(sessions(2, 2)), Told(origin=Origin.RECORDED), ledger)
    assert done.state is RunState.DONE and done.spent_pusd == 0


def test_a_replay_goes_on_by_itself(ledger: StoredReplays) -> None:
    whole = plan(sessions(4, 3))
    first = run(whole, Told(), ledger, budget_pusd=4 * CHARGE + WORST - 1)
    again = Told()
    second = run(whole, again, ledger)
    assert second.run == first.run and second.resumed == len(first.done)
    assert not set(again.seen) & set(first.done) and len(second.done) == 12
    assert second.spent_pusd == 12 * CHARGE and second.state is RunState.DONE
    assert all(d.outcome is not None for d in second.done.values())
    agree(second, ledger)


def test_resume_demands_a_run_and_fresh_makes_one(ledger: StoredReplays) -> None:
    whole = plan(sessions(2, 1))
    with pytest.raises(UsageError, match="no unfinished replay"):
        run(whole, Told(), ledger, resume=True)
    assert not ledger.runs()
    first = run(whole, Told(), ledger, budget_pusd=WORST)
    assert run(whole, Told(), ledger, fresh=True).run == first.run + 1
    assert run(whole, Told(), ledger, resume=True).run == first.run
    with pytest.raises(UsageError):
        run(whole, Told(), ledger, resume=True)


def test_what_is_in_doubt_is_sent_again_only_when_asked(ledger: StoredReplays) -> None:
    whole = plan(sessions(1, 3))
    doubtful = Told({"s000t001": [refusal(Trouble.UNSURE)]})
    first = run(whole, doubtful, ledger)
    assert first.state is RunState.DONE and ledger.unfinished("plan") == first.run
    again = Told()
    same = run(whole, again, ledger)
    assert not again.seen and states(same) == states(first) and same.in_doubt_pusd == WORST
    asked = run(whole, again, ledger, retry_in_doubt=True)
    assert again.seen == ["s000t001"] and states(asked)["s000t001"] is S.ANSWERED
    assert asked.done["s000t001"].usd_pusd == WORST + CHARGE, "both may have been charged"
    assert asked.spent_pusd == 3 * CHARGE and asked.in_doubt_pusd == WORST
    assert ledger.unfinished("plan") is None
    agree(asked, ledger)


def test_in_doubt_within_one_process_is_sent_once_more_when_asked(ledger: StoredReplays) -> None:
    doubtful = Told({"s000t000": [refusal(Trouble.UNSURE)] * 5})
    done = run(plan(sessions(1, 2)), doubtful, ledger, retry_in_doubt=True)
    assert doubtful.seen.count("s000t000") == 2 and done.in_doubt_pusd == 2 * WORST


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_leaves_a_whole_ledger(ledger: StoredReplays, presses: int) -> None:
    """Once: what is under way is awaited. Twice: it stays in doubt."""
    before = signal.getsignal(signal.SIGINT)  # of a shell's background job: ignored

    def press(name: str) -> None:
        if name == "s002t002":
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)

    endpoint = Told(before=press, latency_s=0.03)
    done = run(plan(sessions(5, 50)), endpoint, ledger, concurrency=5)
    assert done.state is RunState.INTERRUPTED
    found = states(done)
    assert len(found) == len(set(endpoint.seen)) < 30
    assert (S.IN_DOUBT in found.values()) == (presses == 2)
    agree(done, ledger)
    assert all(s is not None for _, s in ledger.attempts(done.run))
    after = Told()
    rest = run(plan(sessions(5, 50)), after, ledger, concurrency=64)
    assert len(rest.done) == 250 and not set(after.seen) & set(found)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_does_not_wait_for_ever(ledger: StoredReplays) -> None:
    press = lambda _: signal.raise_signal(signal.SIGINT)  # noqa: E731
    done = run(plan(sessions(1, 2)), Told(before=press, latency_s=60), ledger)
    assert done.state is RunState.INTERRUPTED and 0.1 < done.seconds < 5
    assert list(states(done).values()) == [S.IN_DOUBT]


def test_it_runs_in_any_thread_and_beside_another_loop(ledger: StoredReplays) -> None:
    import asyncio

    found: list[Executed] = []
    thread = threading.Thread(
        target=lambda: found.append(run(plan(sessions(2, 2)), Told(), ledger))
    )
    thread.start()
    thread.join()

    async def notebook() -> Executed:
        return run(plan(sessions(2, 2)), Told(), ledger)

    assert len(found[0].done) == len(asyncio.run(notebook()).done) == 4


def test_a_fault_of_the_endpoint_itself_is_no_silence(ledger: StoredReplays) -> None:
    """An exception is a fault of ours: it is raised, and what may have been sent is in doubt."""

    def broken(_: str) -> None:
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        run(plan(sessions(3, 3)), Told(before=broken), ledger, concurrency=2)
    assert {s.state for _, s in ledger.attempts(1) if s} == {S.IN_DOUBT}


def test_an_endpoint_that_closes_badly_loses_no_answer(ledger: StoredReplays) -> None:
    class Bad(Told):
        async def close(self) -> None:
            raise RuntimeError("closed badly")

    with pytest.raises(RuntimeError, match="closed badly"):
        run(plan(sessions(2, 2)), Bad(), ledger)
    assert [s.state for _, s in ledger.attempts(1) if s] == [S.ANSWERED] * 4
    again = Told()
    assert len(run(plan(sessions(2, 2)), again, ledger).done) == 4 and not again.seen


def test_a_full_disk_ends_the_run_before_anything_more_is_sent(
    ledger: StoredReplays, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, full = Told(), UsageError("the disk of the store is full.")
    real = ledger.open

    def opened(attempts: Any) -> None:
        if len(ledger.attempts(1)) >= 4:
            raise full
        real(attempts)

    monkeypatch.setattr(ledger, "open", opened)
    with pytest.raises(UsageError, match="disk"):
        run(plan(sessions(4, 9)), endpoint, ledger, concurrency=2)
    assert set(endpoint.seen) <= {a.item for a, _ in ledger.attempts(1)}


def test_two_requests_of_one_id_are_no_plan(ledger: StoredReplays) -> None:
    with pytest.raises(ValueError, match="one id"):
        run(plan([item("a"), item("a")]), Told(), ledger)


def test_progress_tells_dollars_and_ends(ledger: StoredReplays) -> None:
    told: list[tuple[str, int, int | None]] = []
    run(
        plan(sessions(2, 2)), Told(), ledger, budget_pusd=10**12, progress=lambda *a: told.append(a)
    )
    assert told[-1][1:] == (4, 4) and all(of == 4 for _, _, of in told)
    assert told[0][0].startswith("replaying · $") and told[0][0].endswith(" of $1.00")


def test_refusals_are_kept_whole(ledger: StoredReplays) -> None:
    whole = plan(sessions(1, 1))
    run(
        whole, Told(otherwise=lambda *_: refusal(Trouble.REFUSED, 413)), ledger, retry_in_doubt=True
    )
    ((_, settled),) = ledger.attempts(1)
    assert settled is not None and settled.outcome["refusal"]["status"] == 413
    done = run(whole, Told(), ledger)
    assert isinstance(done.done["s000t000"].outcome, Refusal | type(answer()))
