"""The cards of a projection: golden words, figures that sum, and silence where nothing was simulated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from costopt.report.card import Card, NotApplicable, build_cards
from costopt.report.policy_words import NO_POLICY
from costopt.report.render.markdown import markdown_report
from costopt.report.sections import (
    batching,
    context_after,
    dont,
    little_left,
    projection,
    risk_savings,
    session_budgets,
    threshold_curve,
)
from tests.report.projected import layer, projected
from tests.report.sample import result

GOLDEN = Path(__file__).parent / "golden" / "projected.md"
OF_A_POLICY = {
    "projection", "dont", "risk_savings", "context_after", "shortened_contexts", "routing",
    "batching", "answer_caches", "threshold_curve", "session_budgets", "layer_figures",
    "assumptions", "interval",
}  # fmt: skip


def card_of(found: Card | NotApplicable) -> Card:
    assert isinstance(found, Card), found
    return found


def test_the_words_are_those_of_the_golden_report() -> None:
    """After a change of words: python -m tests.report.projected > tests/report/golden/projected.md"""
    assert markdown_report(projected()) == GOLDEN.read_text("utf-8")


def test_each_section_is_there_with_a_policy_and_none_without() -> None:
    assert {c.name for c in build_cards(projected()) if isinstance(c, Card)} >= OF_A_POLICY
    silent = [c for c in build_cards(result()) if isinstance(c, NotApplicable)]
    assert {c.name for c in silent if c.reason == NO_POLICY} == OF_A_POLICY | {"little_left"}
    assert not [c for c in build_cards(projected()) if isinstance(c, NotApplicable) and c.failed]


def test_the_waterfall_ends_at_the_projected_bill() -> None:
    chart = card_of(projection.build(projected())).charts[0]
    values = [v or 0.0 for v in chart.series[0].values]
    assert values[0] + sum(values[1:8]) == pytest.approx(values[8]) == pytest.approx(8.5)
    assert chart.marks == [
        "total", "unproven", "unproven", "verified", "verified", "verified", "unproven", "idle",
        "total", "total",
    ]  # fmt: skip
    assert values[9] == pytest.approx(9.25) and values[4] == 1.5


def test_shapley_columns_go_where_no_shares_were_asked_for() -> None:
    rows = [layer("batch", 0.5, shapley_usd=None, shapley_se_usd=None)]
    table = card_of(projection.build(projected(layers=rows))).tables[0]
    assert "Shapley" not in table.columns and len(table.kinds) == len(table.columns)
    assert table.total is not None and len(table.total) == len(table.columns)


def test_dont_begins_with_what_raises_the_bill() -> None:
    items = card_of(dont.build(projected())).items
    assert [i.title for i in items] == [
        "4 window", "7 prompt_layout", "4. rolling window of 6 to 8 turns", "1 semantic_cache",
        "2 route", "6 session_budget",
    ]  # fmt: skip
    assert items[0].amount == "costs $1.50 MORE"
    good = projected(layers=[layer("batch", 0.5)])
    assert isinstance(dont.build(replace(good, checklist=[])), NotApplicable)


def test_a_risk_that_nobody_measured_is_not_zero() -> None:
    chart = card_of(risk_savings.build(projected())).charts[0]
    assert chart.series[0].values[:2] == [0.05, None]
    assert len(chart.labels) == 6  # the layer that changes nothing has no risk to show


def test_little_left_is_said_only_where_it_is_true() -> None:
    def built(**more: Any) -> Card | NotApplicable:
        return little_left.build(projected(**more))

    assert isinstance(built(), NotApplicable)  # 7.5 % are verified
    little: dict[str, Any] = {
        "verified_savings_usd": 0.2,
        "verified_savings_pct": 2.0,
        "savings_usd": 0.3,
    }
    told = card_of(built(**little, savings_pct=3.0, verdict="Little left to save: $0.20."))
    assert told.lead.startswith("Little left") and told.facts[1].value == "$3.00"
    assert isinstance(built(**little, savings_pct=30.0), NotApplicable)  # much is hoped for
    assert isinstance(
        built(verified_savings_pct=-3.0), NotApplicable
    )  # a bad policy proves nothing
    assert isinstance(built(verified_savings_pct=None), NotApplicable)


def test_steps_sum_to_both_bills_and_gaps_stay_gaps() -> None:
    card = card_of(context_after.build(projected()))
    assert card.lead == "Step 3 sends 300 tokens on average, under the policy 270."
    assert card.tables[0].rows[-1][0] == "4 and later"
    assert card.tables[0].total == ("all", 32, 24, None, None, 10.0, 8.5)
    assert isinstance(context_after.build(projected(by_step=[])), NotApplicable)


def test_groups_and_budgets_say_what_was_seen() -> None:
    lead = card_of(batching.build(projected())).lead
    assert lead == "5 batch: 12 calls of $2.00 can wait; that saves $0.50."
    words = card_of(session_budgets.build(projected())).lead.partition(": ")
    assert words[0] == "6 session_budget stops 3 of 8 sessions, half of them before step 5"
    assert words[2] == "7 calls of $0.25 are not made."


def test_the_curve_of_a_router_is_no_threshold_of_a_cache() -> None:
    only = [row for row in projected().projection.layers if row["layer"] == "route"]  # type: ignore[union-attr]
    assert isinstance(threshold_curve.build(projected(layers=only)), NotApplicable)
