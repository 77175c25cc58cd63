"""Reconciling with an invoice: rows sum exactly, and the known traps of each export."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from costopt.billing.invoice import InvoiceReconciliation, Row, reconcile_invoice
from costopt.billing.meter import meter
from costopt.errors import InputError
from costopt.model.bill import Bill, PriceStatus
from costopt.model.build import trace_of
from costopt.model.call import Call
from costopt.model.trace import Trace
from costopt.model.usage import Counts, inside
from costopt.model.view import View
from costopt.money import PicoUsd, pico
from costopt.report.render.reconciliation import cents
from costopt.sources.invoices import read_invoice
from tests.fakes import INPUT_RATE, OUTPUT_RATE, READ_RATE, SEARCH_PUSD, FakeBook, rates

DAY = 86_400_000_000
JAN_1 = 20_454 * DAY  # 2026-01-01


def call(key: str, day: int = 0, fresh: int = 1_000_000, output: int = 0, **more: Any) -> Call:
    """$1 a million fresh tokens, $10 a million output tokens."""
    usage = inside(Counts(input=fresh, output=output))
    at = JAN_1 + day * DAY + 1
    return Call(key, usage, at_us=at, provider="openai", model="gpt-x", **more)


def priced(trace: Trace) -> Bill:
    leaf = trace.leaves * np.array(rates(), np.int64)
    total = leaf.sum(axis=1)
    zero = np.zeros(trace.n, np.int64)
    status = np.full(trace.n, PriceStatus.PRICED, np.int8)
    return Bill(leaf, zero, total, zero, status, np.zeros(trace.n, np.int32), ("fake",))


def compare(calls: list[Call], text: str, fx: Decimal | None = None) -> InvoiceReconciliation:
    trace = trace_of(calls)
    invoice = read_invoice(text.encode(), "invoice", fx)
    found = reconcile_invoice(trace, priced(trace), invoice, FakeBook())
    rows = sum(found.in_invoice(row) for row in Row)
    assert rows == found.invoice_pusd, "the rows sum to the invoice to the last pico-dollar"
    assert sum(found.in_log(row) for row in Row) == found.bill_pusd
    if all(line.amount_pusd is not None for line in invoice.lines):
        assert rows == sum(line.amount_pusd or 0 for line in invoice.lines)
    return found


def table(*rows: str) -> str:
    return "\n".join(["date,model,usd", *rows])


def test_equal_sides_are_explained() -> None:
    found = compare(
        [call("a"), call("b", day=1)], table("2026-01-01,gpt-x,1", "2026-01-02,gpt-x,1")
    )
    assert found.total(Row.EXPLAINED) == pico("2")
    assert found.off_share == 0


def test_a_model_that_only_the_invoice_has_is_not_in_the_logs() -> None:
    found = compare([call("a")], table("2026-01-01,gpt-x,1", "2026-01-01,gpt-other,5"))
    assert found.total(Row.NOT_IN_LOGS) == pico("5")


def test_a_call_that_was_not_billed_is_a_row_of_its_own() -> None:
    found = compare([call("a"), call("b", day=3)], table("2026-01-01,gpt-x,1"))
    assert found.total(Row.NOT_BILLED) == pico("-1")
    assert found.in_log(Row.NOT_BILLED) == pico("1")
    assert found.total(Row.EXPLAINED) == pico("1")


def test_half_price_is_the_batch_tier() -> None:
    found = compare([call("a")], table("2026-01-01,gpt-x,0.50"))
    assert found.total(Row.TIER) == pico("-0.5")


def test_one_other_price_on_all_days_is_a_price_difference() -> None:
    calls = [call("a"), call("b", day=1), call("c", day=2)]
    rows = [f"2026-01-0{d},gpt-x,0.85" for d in (1, 2, 3)]
    found = compare(calls, table(*rows))
    assert found.total(Row.PRICE) == pico("-0.45")


def test_late_data_moves_dollars_to_the_next_day() -> None:
    calls = [call("a"), call("b", day=1)]
    found = compare(calls, table("2026-01-01,gpt-x,0.70", "2026-01-02,gpt-x,1.30"))
    assert found.total(Row.UNEXPLAINED) == 0
    assert found.total(Row.DAYS) == 0


def test_what_fits_no_rule_stays_unexplained() -> None:
    found = compare([call("a")], table("2026-01-01,gpt-x,1.37"))
    assert found.total(Row.UNEXPLAINED) == pico("0.37")


def test_a_fraction_of_a_cent_is_rounding() -> None:
    found = compare([call("a", fresh=1_003_000)], table("2026-01-01,gpt-x,1.00"))
    assert found.total(Row.ROUNDING) == pico("-0.003")


def test_credits_and_tax_are_no_usage() -> None:
    text = table("2026-01-01,gpt-x,1", "2026-01-01,promotional credit,-3", "2026-01-31,VAT,0.19")
    found = compare([call("a")], text)
    assert found.total(Row.OTHER) == pico("-2.81")
    assert found.off_share == 0


def test_another_currency_needs_a_rate() -> None:
    text = "date,model,amount,currency\n2026-01-01,gpt-x,0.92,EUR"
    with pytest.raises(InputError, match="EUR"):
        compare([call("a")], text)
    assert compare([call("a")], text, Decimal("0.92")).off_share == 0


def test_a_header_without_an_amount_names_what_would_fit() -> None:
    with pytest.raises(InputError, match="amount") as caught:
        read_invoice(b"date,model,euros\n", "x.csv")
    assert "cost_usd" in str(caught.value)


def openai_usage(**counts: Any) -> str:
    result = {"object": "organization.usage.completions.result", "model": "gpt-x", **counts}
    bucket = {"object": "bucket", "start_time": JAN_1 // 1_000_000, "results": [result]}
    return json.dumps({"object": "page", "data": [bucket]})


def test_openai_input_includes_cached_tokens() -> None:
    cached = inside(Counts(input=3000, read=2000, output=100))
    calls = [Call("a", cached, at_us=JAN_1, provider="openai", model="gpt-x")]
    text = openai_usage(input_tokens=3000, input_cached_tokens=2000, output_tokens=100)
    found = compare(calls, text)
    assert found.usage_pusd == 1000 * INPUT_RATE + 2000 * READ_RATE + 100 * OUTPUT_RATE
    assert found.off_share == 0


def test_tokens_tell_missing_calls_from_another_price() -> None:
    found = compare([call("a", fresh=1000)], openai_usage(input_tokens=4000))
    assert found.total(Row.NOT_IN_LOGS) == 3000 * INPUT_RATE
    assert found.total(Row.UNEXPLAINED) == 0


def test_a_usage_export_without_a_price_is_named_and_no_silent_zero() -> None:
    text = openai_usage(input_tokens=1_000_000).replace("gpt-x", "unknown-1")
    found = compare([call("a")], text)
    assert any("1 line " in note and "unknown-1" in note for note in found.notes)
    assert not compare([call("a")], openai_usage(input_tokens=1_000_000)).notes


def test_openai_days_are_utc() -> None:
    late = Call(
        "a",
        inside(Counts(input=1_000_000)),
        at_us=JAN_1 + DAY - 1,
        provider="openai",
        model="gpt-x",
    )
    assert compare([late], table("2026-01-01,gpt-x,1")).off_share == 0


def test_projects_that_the_log_never_names_are_not_in_it() -> None:
    text = "date,model,usd,project\n2026-01-01,gpt-x,1,mine\n2026-01-01,gpt-x,7,theirs"
    found = compare([call("a", project="mine")], text)
    assert found.total(Row.NOT_IN_LOGS) == pico("7")
    places = [d.place for d in found.differences if d.row == Row.NOT_IN_LOGS]
    assert places == ["project theirs"]


def test_anthropic_costs_are_in_cents() -> None:
    result = {"amount": "123.45", "currency": "USD", "cost_type": "tokens", "model": "claude-x"}
    bucket = {"starting_at": "2026-01-01T00:00:00Z", "results": [result]}
    invoice = read_invoice(json.dumps({"data": [bucket]}).encode(), "costs.json")
    assert invoice.lines[0].amount_pusd == pico("1.2345")


def test_anthropic_searches_are_no_tokens() -> None:
    result = {"amount": "10", "currency": "USD", "cost_type": "web_search", "model": None}
    bucket = {"starting_at": "2026-01-01T00:00:00Z", "results": [result]}
    found = compare([call("a")], json.dumps({"data": [bucket]}))
    assert found.total(Row.NON_TOKEN) == pico("0.10")


def test_an_unknown_json_is_refused() -> None:
    with pytest.raises(InputError, match="usage or cost export"):
        read_invoice(b'{"hello": 1}', "x.json")


def openai_costs(*results: dict[str, Any], start: int = JAN_1) -> str:
    bucket = {"object": "bucket", "start_time": start // 1_000_000, "results": list(results)}
    return json.dumps({"object": "page", "data": [bucket], "has_more": False})


def cost(item: str | None, value: float, **more: Any) -> dict[str, Any]:
    amount = {"value": value, "currency": "usd"}
    return {"object": "organization.costs.result", "amount": amount, "line_item": item} | more


def test_openai_costs_name_model_unit_and_quantity() -> None:
    used = inside(Counts(input=3_000_000, read=2_000_000, output=100_000))
    calls = [Call("a", used, at_us=JAN_1, provider="openai", model="gpt-x")]
    text = openai_costs(
        cost("gpt-x, input", 1.0, quantity=1000.0, quantity_unit="1000_tokens"),
        cost("gpt-x, cached input", 0.2, quantity=2_000_000, quantity_unit="tokens"),
        cost("gpt-x, output", 1.0, quantity=100.0, quantity_unit="1000_tokens"),
        cost("gpt-image, images", 0.5, quantity=3, quantity_unit="images"),
        cost("web search tool calls", 0.25),
        cost("Tax", 0.1),
    )
    found = compare(calls, text)
    assert found.off_share == 0
    assert found.total(Row.EXPLAINED) == pico("2.2")
    assert found.total(Row.NON_TOKEN) == pico("0.75")
    assert found.total(Row.OTHER) == pico("0.1")


def test_the_same_tokens_for_other_dollars_are_another_price() -> None:
    text = openai_costs(cost("gpt-x, input", 0.85, quantity=1000.0, quantity_unit="1000_tokens"))
    assert compare([call("a")], text).total(Row.PRICE) == pico("-0.15")


def test_costs_that_were_not_grouped_are_compared_without_a_model() -> None:
    found = compare([call("a"), call("b", fresh=500_000)], openai_costs(cost(None, 1.5)))
    assert found.off_share == 0


def test_batch_in_the_usage_export_is_the_tier() -> None:
    # The log says default, the export says batch: half of $1.
    found = compare([call("a")], openai_usage(input_tokens=1_000_000, batch=True))
    assert found.total(Row.TIER) == pico("-0.5")
    both = compare(
        [call("a", service_tier="batch", fresh=1_000_000)],
        openai_usage(input_tokens=1_000_000, batch=True),
    )
    assert both.total(Row.TIER) == 0


def test_openai_cache_writes_by_lifetime_lie_inside_the_input() -> None:
    used = inside(Counts(input=5000, read=1000, write_30m=2500, output=800))
    calls = [Call("a", used, at_us=JAN_1, provider="openai", model="gpt-x")]
    text = openai_usage(
        input_tokens=5000, input_cached_tokens=1000, input_cache_write_tokens=2500,
        input_cache_write_30m_tokens=2500, input_cache_write_12h_tokens=0, output_tokens=800,
        project_id=None, service_tier=None,
    )  # fmt: skip
    found = compare(calls, text)
    assert (found.off_share, found.total(Row.NOT_IN_LOGS)) == (0, 0)


def anthropic_usage(**counts: Any) -> str:
    result = {"model": "claude-x", "service_tier": "standard", "context_window": "0-200k"} | counts
    bucket = {"starting_at": "2026-01-01T00:00:00Z", "results": [result]}
    return json.dumps({"data": [bucket], "has_more": False, "next_page": None})


def test_anthropic_usage_counts_are_disjoint_and_searches_are_fees() -> None:
    used = inside(Counts(input=3200, read=200, write_5m=500, write_1h=1000, output=500))
    used.web_searches = 10
    one = Call("a", used, at_us=JAN_1, provider="anthropic", model="claude-x")
    text = anthropic_usage(
        uncached_input_tokens=1500, cache_read_input_tokens=200, output_tokens=500,
        cache_creation={"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1000},
        server_tool_use={"web_search_requests": 12},
    )  # fmt: skip
    trace = trace_of([one])
    bill = meter(View.of(trace), FakeBook())
    found = reconcile_invoice(trace, bill, read_invoice(text.encode(), "u.json"), FakeBook())
    assert found.off_share == 0
    assert found.fees_pusd == 10 * SEARCH_PUSD
    assert found.total(Row.NON_TOKEN) == 2 * SEARCH_PUSD
    assert sum(found.in_invoice(row) for row in Row) == found.invoice_pusd


def test_a_call_over_midnight_may_stand_on_the_next_day() -> None:
    # $1 at noon of the first day and $2 ten minutes before its end; the provider counted those late.
    late = call("b", fresh=2_000_000)
    late.at_us = JAN_1 + DAY - 600_000_000
    found = compare(
        [call("a"), late, call("c", day=1)], table("2026-01-01,gpt-x,1", "2026-01-02,gpt-x,3")
    )
    assert found.total(Row.DAYS) == 0
    assert {d.pusd for d in found.differences if d.row == Row.DAYS} == {pico("2"), pico("-2")}
    assert found.total(Row.UNEXPLAINED) == 0


def test_a_call_at_noon_does_not_move_to_the_next_day() -> None:
    noon = call("a")
    noon.at_us = JAN_1 + DAY // 2
    found = compare([noon, call("b", day=1)], table("2026-01-02,gpt-x,2.3"))
    assert found.total(Row.NOT_BILLED) == pico("-1")
    assert found.total(Row.UNEXPLAINED) == pico("1.3")


def test_other_providers_are_on_other_invoices() -> None:
    claude = Call("x", inside(Counts(input=7)), at_us=JAN_1, provider="anthropic", model="claude")
    found = compare([call("a"), claude], openai_usage(input_tokens=1_000_000))
    assert found.off_share == 0
    assert any("other providers" in note for note in found.notes)


def test_without_times_all_days_are_one() -> None:
    calls = [call("a"), call("b")]
    for c in calls:
        c.at_us = None
    found = compare(calls, table("2026-01-01,gpt-x,1", "2026-01-02,gpt-x,1"))
    assert found.off_share == 0
    assert any("over all days" in note for note in found.notes)


def test_project_names_that_the_log_does_not_use_tell_nothing_apart() -> None:
    text = "date,model,usd,project\n2026-01-01,gpt-x,1,proj_4711"
    found = compare([call("a", project="support bot")], text)
    assert found.off_share == 0
    assert any("project" in note for note in found.notes)


def test_by_shows_both_sides_of_each_cell() -> None:
    trace = trace_of([call("a", project="one"), call("b", project="two", fresh=3_000_000)])
    text = "date,model,usd,project\n2026-01-01,gpt-x,1,one\n2026-01-01,gpt-x,2,two"
    invoice = read_invoice(text.encode(), "i.csv")
    found = reconcile_invoice(trace, priced(trace), invoice, FakeBook(), ("project",))
    assert [(c.project, c.bill_pusd, c.invoice_pusd) for c in found.cells] == [
        ("one", pico("1"), pico("1")),
        ("two", pico("3"), pico("2")),
    ]


def test_open_differences_do_not_cancel_in_the_verdict() -> None:
    calls = [call("a"), call("b", day=5, fresh=2_000_000)]
    found = compare(calls, table("2026-01-01,gpt-x,1.4", "2026-01-06,gpt-x,1.65"))
    assert found.off_share > 0.01


def test_a_search_model_is_no_search_fee() -> None:
    text = table("2026-01-01,gpt-4o-search-preview,1", "2026-01-01,Web search tool calls,2")
    kinds = [line.kind.value for line in read_invoice(text.encode(), "i.csv").lines]
    assert kinds == ["tokens", "non_token"]


def test_a_table_of_line_items_has_models_and_units() -> None:
    text = 'date,line_item,usd\n2026-01-01,"gpt-x-2025-08-07, cached input",1'
    line = read_invoice(text.encode(), "i.csv").lines[0]
    assert (line.model, line.unit) == ("gpt-x-2025-08-07", "cache_read")


def test_printed_cents_add_up() -> None:
    amounts = [PicoUsd(6_004_000_000), PicoUsd(6_004_000_000), PicoUsd(-7_000_000_000)]
    shown = cents(amounts, sum(amounts))
    assert sum(shown) == 10_000_000_000
