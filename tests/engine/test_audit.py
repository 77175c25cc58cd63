"""The result says what the bill says: sums to the pico-dollar, unknown named, never $0."""

from __future__ import annotations

from dataclasses import replace

import pytest

from costopt.engine.audit import Asked, build_result
from costopt.model.call import Call, CallStatus, UsageState
from costopt.model.result import Result
from costopt.money import usd_float
from tests.billing.small import call, usage
from tests.checklist.context import context


def calls() -> list[Call]:
    made = [
        call("a", ["system:be kind", "user:hello"], usage(1000, out=10), ["assistant:hi"]),
        call(
            "b",
            ["system:be kind", "user:hello", "assistant:hi", "user:more"],
            usage(200, 900, out=20),
        ),
        call("c", ["user:x"], usage(500, out=5), session_id="t", agent="writer"),
        call("d", ["user:x"], usage(500, out=5), session_id="t", agent="ranker", model="unknown-1"),
        call("e", ["user:x"], usage(), session_id="u", agent="silent"),
        call("f", ["user:x"], usage(0, out=0), session_id="u", agent="failing"),
    ]
    made[4].usage.state = UsageState.MISSING
    made[5].status = CallStatus.FAILED
    return made


@pytest.fixture
def result() -> Result:
    asked = Asked(by=(("agent", "day"), ("session",)), tz="Asia/Tokyo")
    return build_result(context(calls(), recorded=0.3), [], [], "set", asked)


def test_total_by_hand(result: Result) -> None:
    # a: 1000 + 10 x 10; b: 200 + 90 + 20 x 10; c: 500 + 5 x 10 micro-dollars.
    assert result.bill.total_usd == pytest.approx((1100 + 490 + 550) * 1e-6, abs=1e-15)


@pytest.mark.parametrize(
    "name",
    [
        "model",
        "agent",
        "task",
        "tool",
        "workflow",
        "user_segment",
        "tenant",
        "component",
        "step",
        "day",
    ],
)
def test_every_breakdown_sums_to_the_bill(result: Result, name: str) -> None:
    rows = getattr(result.bill, f"by_{name}")
    assert sum(r["usd"] for r in rows) == pytest.approx(result.bill.total_usd, abs=1e-12)


def test_paid_for_by_and_sessions_sum_to_the_bill(result: Result) -> None:
    whole = result.bill.total_usd
    assert sum(r["usd"] for r in result.bill.paid_for) == pytest.approx(whole, abs=1e-12)
    assert set(result.bill.by) == {"agent,day", "session"}
    for rows in result.bill.by.values():
        assert sum(r["usd"] for r in rows) == pytest.approx(whole, abs=1e-12)
    assert usd_float(sum(int(s.usd_pico) for s in result.sessions)) == whole


def test_what_is_not_known_is_named(result: Result) -> None:
    bill = result.bill
    assert (bill.unpriced_calls, bill.unpriced_models) == (1, ["unknown-1"])
    assert bill.missing_usage_calls == 1
    unknown = {r["agent"]: r["unknown_calls"] for r in bill.by_agent}
    assert unknown == {"planner": 0, "writer": 0, "ranker": 1, "silent": 1, "failing": 0}
    assert bill.forecast_month_usd is None
    assert bill.forecast_reason
    assert bill.recorded_usd is None
    assert result.projection is None


def test_counts_are_of_requests(result: Result) -> None:
    assert result.trace.calls == 6
    assert result.trace.sessions == 3
    tokens = result.bill.tokens
    assert tokens.input == 3100
    assert (tokens.input_fresh, tokens.input_cache_read) == (2200, 900)


def test_a_log_without_text_makes_no_claim_about_it() -> None:
    bare = calls()
    for one in bare:
        one.request = one.response = None
    with_text, without = (build_result(context(made), [], [], "set") for made in (calls(), bare))
    assert without.bill.total_usd == with_text.bill.total_usd
    assert without.coverage.content == "none"
    assert "not needed" in without.coverage.tokens
    assert any("No text" in note for note in without.coverage.notes)


def test_an_empty_trace_is_a_result_too() -> None:
    found = build_result(context([]), [], [], "set")
    assert found.bill.total_usd == 0
    assert found.sessions == []


def test_session_keys_are_hashes(result: Result) -> None:
    assert all(s.key not in ("s", "t", "u") and len(s.key) == 24 for s in result.sessions)


def test_the_same_trace_gives_the_same_result() -> None:
    first, second = (build_result(context(calls()), [], [], "set") for _ in range(2))
    assert first == replace(second)


def test_tokens_of_another_model_inside_a_call_are_in_every_sum() -> None:
    made = calls()[:1]
    made[0].usage.extra = [("gpt-4o", usage(900, 100, out=50).leaves)]
    told = build_result(context(made), [], [], "set", Asked()).bill
    assert (told.tokens.input, told.tokens.input_cache_read, told.tokens.output) == (2000, 100, 60)
    row = told.by_model[0]
    assert (row["input_tokens"], row["cached_input_tokens"], row["output_tokens"]) == (
        2000,
        100,
        60,
    )
